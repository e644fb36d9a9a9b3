"""The house has one direction of imports; this walks every import statement and holds the rooms to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import kvlsp

ROOT = Path(kvlsp.__file__).parent

LEAVES = {"errors", "address", "config", "plain_file", "tracing", "reasons", "bounded_folder"}
PRODUCT = {"text", "messages", "model", "default_model", "syntax", "tokens", "prompt", "cache", "completion",
           "nextedit", "workspace", "gguf", "memory", "opening", "shelf", "engine"}
ALLOWED = {
    "errors": set(),
    "address": {"errors"},
    "config": {"errors"},
    "plain_file": set(),
    "bounded_folder": set(),
    "tracing": set(),
    "reasons": set(),
    "text": set(),
    "messages": {"text"},
    "model": set(),
    "default_model": {"syntax"},
    "syntax": {"text"},
    "tokens": {"text"},
    "prompt": {"tokens", "text"},
    "cache": {"prompt", "model"},
    "completion": {"tokens", "syntax", "text"},
    "nextedit": {"text", "syntax", "prompt"},
    "workspace": {"text", "syntax"},
    "gguf": {"tokens", "model"},
    "memory": set(),
    "opening": {"memory", "tokens", "prompt", "model", "cache", "default_model", "gguf"},
    "shelf": {"text", "prompt", "model", "cache"},
    "engine": {"messages", "text", "syntax", "tokens", "prompt", "model", "cache", "completion", "nextedit", "memory",
               "opening", "shelf"},
    "wire": {"messages", "text"},
    "remote": {"wire", "messages", "text"},
    "host": {"remote", "wire", "messages", "text", "engine", "opening", "cache", "model", "shelf"},
    "team": {"host", "wire", "messages", "text"},
    "crossfile": {"messages", "text", "workspace", "default_model"},
    "server": {"wire", "messages", "text", "syntax", "workspace", "crossfile"},
    "lookout": {"server", "remote"},
    "playground": {"server", "syntax"},
    "catalogue": {"gguf", "model", "default_model"},
    "cli": {*PRODUCT, "catalogue", "server", "remote", "team", "lookout", "playground"},
    "__main__": {"cli"},
    "laboratory": set(),
    "laboratory.training": {"model", "default_model", "syntax"},
    "laboratory.evaluation": {*PRODUCT, "laboratory.training"},
    "laboratory.commands": {*PRODUCT, "cli", "laboratory.training", "laboratory.evaluation"},
}
EXCEPTIONS = {("cli/doctor.py", "laboratory.evaluation")}
"""``kvlsp doctor --gate`` measures; it imports what measures when it is asked to, not before (test_apart)."""
TORCH = {"model", "gguf", "memory", "catalogue", "cache", "opening", "shelf", "engine", "cli", "laboratory.training",
         "laboratory.evaluation", "laboratory.commands"}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def room_of(parts: tuple[str, ...]) -> str:
    """The room of a module, by the parts of its path or of its name below ``kvlsp``."""
    inner = parts[0] == "laboratory" and len(parts) > 1 and f"laboratory.{parts[1]}" in ALLOWED
    return ".".join(parts[:2]) if inner else parts[0]


def room_of_file(path: Path) -> str:
    return room_of(path.relative_to(ROOT).with_suffix("").parts)


def statements(node: ast.AST, *, at_run_time: bool) -> Iterator[ast.AST]:
    """All nodes below this one, without what only a type checker reads if ``at_run_time``."""
    for child in ast.iter_child_nodes(node):
        if not (at_run_time and isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from statements(child, at_run_time=at_run_time)


def imports(path: Path, *, at_run_time: bool = False) -> Iterator[str]:
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), at_run_time=at_run_time):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path):
    room, file = room_of_file(path), path.relative_to(ROOT).as_posix()
    assert room in ALLOWED, f"{room} is no room: draw it in ARCHITECTURE.md and allow its imports here"
    allowed = ALLOWED[room] | LEAVES | {room, "__version__"}
    for name in imports(path):
        package, *rest = name.split(".")
        if package == "kvlsp" and rest:
            target = room_of(tuple(rest))
            assert target in allowed or (file, target) in EXCEPTIONS, f"{room} must not import {target}"
        if package == "torch":
            assert room in TORCH, f"{room} must not know torch"
        if package == "ray":
            assert room == "team", f"{room} must not know Ray"
        assert package not in {"pygls", "lsprotocol", "cattrs", "attrs"}, "it takes longer to import than all else"


def test_the_walk_sees_the_house():
    assert {room_of_file(path) for path in modules()} == set(ALLOWED)


def test_whatever_is_imported_of_ours_is_there():
    """Also inside functions and in the tests, where nobody notices until the line runs."""
    tests = Path(__file__).parent
    for path in (*modules(), *tests.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("kvlsp.", "tests.")):
                place = tests.parent.joinpath(*str(node.module).split("."))
                assert place.is_dir() or place.with_suffix(".py").is_file(), f"{path}: {node.module} is not there"


def module_of(name: str, known: set[str]) -> str:
    """The module that an import names: ``a.b.Thing`` is in ``a.b``."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def test_no_module_imports_itself_round_a_corner():
    """At run time: not even inside functions, where a cycle goes unnoticed until both modules are needed at once."""
    names = {path: ".".join(("kvlsp", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
             for path in modules()}
    known = {*names.values(), "kvlsp"}
    reached = {
        names[path]: {module_of(name, known) for name in imports(path, at_run_time=True)} - {"", "kvlsp", names[path]}
        for path in modules()
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name):], name))
        if name not in done:
            for target in reached.get(name, set()):
                walk(target, (*way, name))
            done.add(name)

    for name in reached:
        walk(name, ())


def test_no_file_of_the_engine_is_long():
    """What grows there is another concept."""
    lengths = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "engine").glob("*.py")}
    assert max(lengths.values()) <= 250, {name: lines for name, lines in lengths.items() if lines > 250}
