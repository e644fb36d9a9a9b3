"""A language as data: one folder under ``grammars/`` with a ``language.toml`` and tree-sitter queries.

    python = Language.of("python") or Language.of("src/app.py")
    tree = python.parse("x = 1\n")
    python.query("statements")          # the compiled statements.scm, or None

Adding a language is adding a folder; no module here names one. The parser is imported when something is parsed: who
asks for comments and brackets alone, as the server does, needs none. Text is parsed as UTF-8 with lone surrogates
replaced by ``?``, so that a string which contains one stays a string; byte offsets in a tree refer to :func:`encode`'s
bytes.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from kvlsp.errors import ConfigurationError, TooCostly
from kvlsp.syntax.reading import Given

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the older interpreters read the same files through the same API
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

if TYPE_CHECKING:
    import tree_sitter

SECONDS: Final = 0.1
"""Of processor time for a parse, unless more is allowed; a window of 8,000 characters takes one of its hundredths."""
LOOKS: Final = 300
BYTES_PER_LOOK: Final = 10
"""How often the parser looks up, at most. In 1,070 files of seven languages, whole, cut, with lines missing and with
lines in any order, it did so once in 37 bytes at most, once in 200 mostly."""


@dataclass(frozen=True, slots=True)
class StringKind:
    """A string literal's (or a comment's) delimiters.

    ``escape`` quotes the next character; ``lines``: it may span lines.
    """

    open: str
    close: str
    lines: bool = False
    escape: str = "\\"
    comment: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """Text around a block's lines under which they parse by themselves."""

    open: str
    close: str


@dataclass(frozen=True)
class Language:
    """What completion needs to know about a programming language. Equal by identity of its folder."""

    folder: Path
    name: str
    title: str
    ids: tuple[str, ...]
    endings: tuple[str, ...]
    line_comments: tuple[str, ...]
    block_comments: tuple[tuple[str, str], ...]
    strings: tuple[StringKind, ...]
    literals: tuple[str, ...]
    """Regular expressions of literals that contain quotes or brackets but are no strings (a char in Rust)."""
    layout: Literal["indentation", "braces"]
    openers: tuple[str, ...]
    continues: tuple[str, ...]
    carries: tuple[str, ...]
    """Beginnings of lines that carry on a statement which looked whole at the end of the line above."""
    ends: tuple[str, ...]
    """The last character of a whole statement; empty where line breaks end statements."""
    directives: tuple[str, ...]
    """What lines begin with that are whole by themselves (``#`` of a preprocessor)."""
    conditionals: Mapping[str, str]
    """Word of such a line -> what it does to a part of the file that may be left out: open, part, last or close."""
    frames: tuple[Frame, ...]
    leaves: Mapping[str, str]
    """Kind of node -> identifier, number, string or comment: leaves whose text does not matter."""
    grammar: str

    @staticmethod
    def of(what: str) -> Language | None:
        """The language of an editor's language id, a file name or a path; None when no folder defines it."""
        ending = PurePosixPath(what.replace("\\", "/")).suffix.lower()
        return _known().get(what) or _known().get(ending)

    @staticmethod
    def of_document(language_id: str, uri: str) -> Language | None:
        """The language of an open document: what its editor calls it, else what its name says."""
        return _of_id(language_id) or _of_uri(uri)

    @staticmethod
    def all() -> tuple[Language, ...]:
        """Every language that has a folder, by name."""
        return tuple(sorted(set(_known().values()), key=lambda language: language.name))

    @property
    def compiled(self) -> tree_sitter.Language:
        """The compiled grammar. :class:`ConfigurationError` when its wheel is missing."""
        return _grammar(self.grammar)

    @property
    def long_kinds(self) -> tuple[StringKind, ...]:
        """Strings and comments that may span lines."""
        comments = (StringKind(start, end, lines=True, escape="", comment=True)
                    for start, end in self.block_comments)
        return (*(kind for kind in self.strings if kind.lines), *comments)

    def parse(self, text: str | bytes, *, seconds: float = SECONDS) -> tree_sitter.Tree:
        """The syntax tree of a *bounded* text.

        :class:`TooCostly` when the parser does more than for any text that somebody wrote, broken ones among them, or
        takes more than ``seconds`` of processor time. It looks about every millisecond, but not in all that it does: a
        long text of somebody who means harm belongs into a process of its own.
        """
        data = encode(text) if isinstance(text, str) else text
        parser = _parser(self.grammar)
        given = Given(data, parser)
        looks, most = 0, LOOKS + len(data) // BYTES_PER_LOOK
        end = time.thread_time() + seconds

        def enough(_offset: int, _has_error: bool) -> bool:
            nonlocal looks
            looks += 1
            return looks > most or time.thread_time() > end

        try:
            return parser.parse(given, progress_callback=enough)
        except ValueError as error:  # a parse that was stopped
            parser.reset()
            raise TooCostly("This text takes too long to parse.") from error
        finally:
            given.let_go()

    def parse_while(self, going_on: Callable[[], bool], data: bytes,
                    old: tree_sitter.Tree | None = None, *, at_error: Callable[[int], None] | None = None,
                    ) -> tree_sitter.Tree | None:
        """Like :meth:`parse`, given up (None) once ``going_on``, asked every so often, says no.

        With ``at_error`` it also ends at the first error, which is cheaper by far than to find out what could be meant:
        that is told about how many bytes were read by then.
        """
        parser = _parser(self.grammar)
        given = Given(data, parser)

        def ask(offset: int, has_error: bool) -> bool:
            if has_error and at_error is not None:
                at_error(offset)
                return True
            return not going_on()

        try:
            if old is None:
                return parser.parse(given, progress_callback=ask)
            return parser.parse(given, old, progress_callback=ask)
        except ValueError:
            return None
        finally:
            parser.reset()
            given.let_go()

    def query(self, name: str) -> tree_sitter.Query | None:
        """The compiled ``<name>.scm`` of this language, or None when the folder has none."""
        return _query(self.grammar, self.folder / f"{name}.scm")

    def __hash__(self) -> int:
        return hash(self.name)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Language) and self.folder == other.folder)


def encode(text: str) -> bytes:
    """UTF-8 as the parser sees it: a lone surrogate becomes ``?`` (one byte)."""
    return text.encode("utf-8", "replace")


def grammars_folder() -> Path:
    """``grammars/``: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "grammars"
    return inside if inside.is_dir() else package.parent / "grammars"


def read_language(folder: Path) -> Language:
    """One language from its folder. :class:`ConfigurationError` names the file and what is wrong in it."""
    file = folder / "language.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        return _from_toml(folder, data)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The language definition {file} cannot be read: {error}. "
                                 "Install kvlsp again.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"The language definition {file} lacks or misstates {error}; "
                                 "compare it with the folder of another language.") from error


def _from_toml(folder: Path, data: Mapping[str, Any]) -> Language:
    blocks, comments = data["blocks"], data.get("comments", {})
    if blocks["layout"] not in ("indentation", "braces"):
        raise ValueError("blocks.layout (indentation or braces)")
    return Language(
        folder=folder, name=data["name"], title=data["title"], ids=tuple(data["ids"]),
        endings=tuple(data["endings"]), grammar=data["grammar"],
        line_comments=tuple(comments.get("line", ())),
        block_comments=tuple((start, end) for start, end in comments.get("block", ())),
        strings=tuple(StringKind(**kind) for kind in data.get("strings", ())),
        literals=tuple(data.get("literals", ())),
        layout=blocks["layout"], openers=tuple(blocks["openers"]),
        continues=tuple(blocks.get("continues", ())), ends=tuple(blocks.get("ends", ())),
        directives=tuple(blocks.get("directives", ())), carries=tuple(blocks.get("carries", ())),
        conditionals={word: role for role, words in data.get("conditionals", {}).items() for word in words},
        leaves={kind: name for name, kinds in data["leaves"].items() for kind in kinds},
        frames=tuple(Frame(start, end) for start, end in blocks.get("frames", ())) or (Frame("", ""),),
    )


@lru_cache(maxsize=1)
def _known() -> dict[str, Language]:
    """Language ids and file endings -> language. Read once; endings of one folder never hide another's id."""
    languages = [read_language(file.parent) for file in sorted(grammars_folder().glob("*/language.toml"))]
    by_ending = {ending: language for language in languages for ending in language.endings}
    return by_ending | {identifier: language for language in languages for identifier in language.ids}


@lru_cache(maxsize=64)
def _of_id(language_id: str) -> Language | None:
    """Editors write ``Python``, ``python3``, ``python-ts``, ``py``, ``source.js``, ``javascript.jsx``. What stands
    before a dot does not count: ``go.mod`` is not Go."""
    whole = language_id.lower()
    parts = [whole, whole.rpartition(".")[2]]
    plain = [part.removesuffix("-mode").removesuffix("-ts").rstrip("0123456789") for part in parts]
    parts += [part for part in plain if len(part) > 1]  # C3 is not C
    known = _known()
    return next((known[key] for part in parts for key in (part, f".{part}") if key in known), None)


def _of_uri(uri: str) -> Language | None:
    """By the ending of a name, also where a query or a fragment stands behind it (``git:/a.py?...``)."""
    return Language.of(uri) or Language.of(uri.partition("?")[0].partition("#")[0])


@cache
def _grammar(where: str) -> tree_sitter.Language:
    import tree_sitter

    module, function = where.split(":")
    try:
        return tree_sitter.Language(getattr(importlib.import_module(module), function)())
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"The grammar {where} is not installed; install the package that provides "
                                 f"{module}.") from error


@cache
def _parser(where: str) -> tree_sitter.Parser:
    import tree_sitter

    return tree_sitter.Parser(_grammar(where))


@cache
def _query(where: str, file: Path) -> tree_sitter.Query | None:
    if not file.is_file():
        return None
    import tree_sitter

    try:
        compiled: tree_sitter.Query = tree_sitter.Query(_grammar(where), file.read_text(encoding="utf-8"))
        return compiled
    except tree_sitter.QueryError as error:
        raise ConfigurationError(f"The query {file} does not fit its grammar: {error}. "
                                 "Install kvlsp again.") from error
