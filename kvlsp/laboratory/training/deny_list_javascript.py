"""What never enters the corpus of JavaScript and TypeScript, besides what `deny_list.py` refuses, and why.

Packages of npm carry what was written and what tools made of it: bundles, minified and translated files. Only the
former is wanted. Rules here look at one file alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from tree_sitter import Node

from kvlsp.syntax.language import Language

# fmt: off
_DENIED_PARTS = frozenset((
    "dist", "build", "bundle", "bundles", "umd", "min", "minified", "vendor", "vendors", "vendored", "third_party",
    "third-party", "thirdparty", "3rdparty", "external", "externals", "node_modules", "bower_components", "deps",
    "cldr", "locale", "locales", "i18n", "nls", "lang", "langs", "messages", "esm5", "esm2015", "fesm2015",
    "fesm2020", "fesm2022", "fixtures", "__fixtures__", "__snapshots__", "testdata", "test_data", "data", "generated",
    "__generated__", "gen", "benchmarks", "benchmark", "perf", "coverage", "codegen", "libs", "_virtual",
    "test-resources", "umd5", "cjs5", "icons", "legacy-build", "commonjs", "typings", "templates",
))
# fmt: on
_DENIED_ENDINGS = (
    ".min",
    ".bundle",
    ".bundled",
    ".umd",
    ".iife",
    ".prod",
    ".production",
    "-min",
    ".pack",
    "-dbg",
    "_pb",
    ".pb",
    ".generated",
    ".gen",
    "-preload",
    ".uncompressed",
    ".development",
    ".flow",
    ".stories",
    ".debug",
)  # fmt: skip
#: What compilers and bundlers leave behind.
_TRANSLATED = re.compile(
    r"__esModule|sourceMappingURL=|_interopRequire|__webpack_|_createClass\b|_classCallCheck|_jsxs?\(|_jsxFileName"
    r"|/\*#__PURE__\*/(?:_|function|React)|__awaiter|__decorate|__exportStar|\btslib\b"
    r"|regeneratorRuntime|_asyncToGenerator|_extends\("
    r"|_objectSpread|\$\$typeof|parcelRequire|_defineProperty\(|\(0, \w+\.\w+\)\(|=== void 0 \? void 0"
    r"|_worklet_|__swc|babelHelpers|\$jscomp|sap\.ui\.require\.preload"
)
_TYPED = Language.of("typescriptreact") or Language.all()[0]


def path_refusal(path: PurePath) -> str | None:
    """The reason why a file at ``path`` (package first) is left out, or None."""
    inside = path.parts[2 if path.parts[0].startswith("@") else 1 : -1]
    if any(part.lower() in _DENIED_PARTS for part in inside):
        return "bundled, vendored, generated or data folder"
    if path.stem.lower().endswith(_DENIED_ENDINGS) or ".min." in path.name:
        return "minified, bundled or generated module"
    return None


def quality(text: str, path: PurePath) -> float:
    """How much the file looks like ordinary code that a person wrote, 0 (leave out) to 1.

    Functions, types and comments count. What a compiler wrote, what does not parse (another dialect) and what has no
    function gets 0.
    """
    language = Language.of(path.name)
    if language is None or _TRANSLATED.search(text):
        return 0.0
    root = language.parse(text).root_node
    if root.has_error and language.name == "javascript":
        # types in a file of JavaScript: what Flow and TypeScript write alike is welcome
        root = _TYPED.parse(text).root_node
    if root.has_error:
        return 0.0
    functions = documented = 0
    for node in _functions(root):
        functions += 1
        before = node.prev_sibling or (node.parent.prev_sibling if node.parent is not None else None)
        documented += before is not None and before.type == "comment"
    if functions == 0:
        return 0.0
    lines = [line for line in text.split("\n") if line.strip()]
    density = min(1.0, functions * 40 / len(lines))
    comments = min(1.0, 8 * sum(line.lstrip().startswith(("//", "*", "/*")) for line in lines) / len(lines))
    typed = language.name != "javascript"
    return 0.35 + 0.25 * density + 0.2 * documented / functions + 0.1 * comments + 0.1 * typed


def _functions(root: Node) -> Iterator[Node]:
    """Functions and methods, those inside of others left out."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type in ("function_declaration", "method_definition", "function_expression", "arrow_function"):
            yield node
        else:
            waiting += node.named_children
