"""The languages a corpus holds, told by the ending of a file's name, and how a definition begins in each.

Spelling only: nothing is parsed here. A language has the name that `grammars/` gives it.
"""

from __future__ import annotations

import re
from pathlib import PurePath

_ENDINGS = {
    ".py": "python",
    ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript",
    ".tsx": "tsx",
}  # fmt: skip
#: Declarations without code: a model would learn to write types only.
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")

LANGUAGES = tuple(dict.fromkeys(_ENDINGS.values()))

_PYTHON_FUNCTION = re.compile(r"^([ \t]*)(?:async )?def [^\n]*", re.MULTILINE)
_PYTHON_DEFINITION = re.compile(
    r"^[ \t]*(?:async def|def|class) ([A-Za-z_]\w{3,})|^([A-Z][A-Z_0-9]{3,})(?=\s*[:=])", re.MULTILINE
)
_MODIFIERS = r"(?:(?:export|default|declare|abstract|public|private|protected|static|override|async|get|set) )*"
_BRACES_FUNCTION = re.compile(
    rf"^([ \t]*){_MODIFIERS}(?:function\b[^\n]*\{{"
    rf"|(?:const|let|var) \w+ ?(?::[^\n=]*)?= ?(?:async )?(?:function\b|\([^\n]*=>|\w+ =>)[^\n]*\{{"
    r"|(?!(?:if|for|while|switch|catch|else|do|return|try|with)\b|[^\n]*\bfunction\b)[#\w$]+ ?\([^\n;]*\)[^\n;=]*\{"
    r"|[\w$.]+ ?[:=] ?(?:async )?function\b[^\n]*\{)[ \t]*$",
    re.MULTILINE,
)
_BRACES_DEFINITION = re.compile(
    rf"^[ \t]*{_MODIFIERS}(?:function\*?|class|interface|type|enum|namespace) ([A-Za-z_$][\w$]{{3,}})"
    r"|^(?:export )?(?:const|let|var) ([A-Za-z_$][\w$]{3,})(?=\s*[:=])",
    re.MULTILINE,
)


def language_of(path: str | PurePath) -> str | None:
    """The name of the language of the file at ``path``, or None when a corpus has no place for it."""
    name = PurePath(path).name.lower()
    if name.endswith(_DECLARATIONS):
        return None
    return _ENDINGS.get(PurePath(name).suffix)


def function_heads(path: str) -> re.Pattern[str]:
    """Finds the first line of each function in a file like ``path``; group 1 is its indentation."""
    return _PYTHON_FUNCTION if path.endswith(".py") else _BRACES_FUNCTION


def definition_heads(path: str) -> re.Pattern[str]:
    """Finds where names of four letters and more are defined in a file like ``path``; the name is the group that
    matched."""
    return _PYTHON_DEFINITION if path.endswith(".py") else _BRACES_DEFINITION
