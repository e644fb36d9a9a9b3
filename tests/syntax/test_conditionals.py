"""Parts of a file between ``#if`` and ``#endif``, as far as lines are looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.syntax.block import Place
from kvlsp.syntax.conditionals import Conditionals
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW

LANGUAGES = {language.name: language for language in Language.all()}
FAR = "int a;\n" * (WINDOW // 7 + 10)
WORDS = {"if": "#if A\n", "elif": "#elif B\n", "else": "#else\n", "endif": "#endif\n", "code": "int a;\n"}


def broken(document: str, text: str, language: str = "c") -> bool:
    prefix, suffix = document.split("|")
    return Conditionals(Place.at(prefix, suffix, LANGUAGES[language])).broken_by(text)


@pytest.mark.parametrize(("document", "text", "wanted"), [
    ("#if A\n|\n#endif\n", "#endif", True),
    ("#if A\n|\n", "#endif", False),
    ("#if A\n|\n#endif\n", "#if B\n#endif", False),
    ("#if A\n|\n#endif\n", "# if B", True),
    ("|\n#endif\n", "#ifndef B", False),
    ("#|\n", "ifdef B", False),               # begun by the user
    ("#|\n", "endif", True),
    ("#if A\n#|\n", "endif", False),
    ("#if |\n#endif\n", "A", False),
    ('char *a = "|";\n', "#endif", False),
    ("/*\n|\n*/\n", "#endif", False),
    ("int a;\n|\n", "#endify", False),
    # out of sight
    ("#if A\n" + FAR + "|\n" + FAR + "#endif\n", "#endif", True),
    ("#if A\n" + FAR + "|\n#endif\n", "#endif", True),
    ("#if A\n" + FAR + "|\n#endif\n", "#if B", True),
    ("#if A\n|\n" + FAR + "#endif\n", "#endif", True),
    ("#if A\n" + FAR + "|\n#endif\n", "#else\nint b;", False),
    ("#if A\n" + FAR + "|\n#else\n#endif\n", "#else\nint b;", True),
])
def test_what_breaks_them(document, text, wanted):
    assert broken(document, text) is wanted


def test_elsewhere_such_lines_are_something_else():
    assert not broken("a = 1\n|\n", "#endif", "python")


def whole(words: list[str]) -> bool:
    """Read as a grammar: (code | if (elif ...)* (else ...)? endif)*."""
    parts: list[bool] = []
    for word in words:
        if word == "if":
            parts.append(False)
        elif word != "code":
            if not parts or (word != "endif" and parts[-1]):
                return False
            if word == "endif":
                parts.pop()
            else:
                parts[-1] = word == "else"
    return not parts


@given(*[st.lists(st.sampled_from(sorted(WORDS)), max_size=6)] * 3)
def test_what_was_whole_stays_so(above, inserted, below):
    """Any lines between any others: where all is whole without, it is broken just if it is not whole with them."""
    if whole(above + below):
        above_text, text, below_text = ("".join(map(WORDS.__getitem__, words)) for words in (above, inserted, below))
        assert broken(f"{above_text}|{below_text}", text) is not whole(above + inserted + below)
