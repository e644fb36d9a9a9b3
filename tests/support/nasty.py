"""Text that breaks editors, tokenizers and line counters; for hypothesis and for plain examples."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = [
    "\n", "\r", "\r\n", "\n\r", "\t", " ", "  ", "    ", "\x0b", "\x0c", "\x1c", "\x85",
    "\u2028", "\u2029", "\u00a0", "\u3000", "\x00", "\x7f", "é", "e\u0301", "\u0301",
    "\u0323\u0301", "ß", "İ", "漢字", "ключ", "한국", "\u1112\u1161", "١٢", "½", "²", "𝒳",
    "😀", "👩\u200d👩\u200d👧", "\ud83d", "\ude00", "\ufeff", "\u200b", "\ufffd", "▁", "¿",
    "„", "'s", "'re", "'LL", "<|fim_prefix|>", "<|endoftext|>", "<s>", "</s>", "<0x0A>",
    "self", "x", "1", "12345", "_", "(", ")", "()", "):", " = ", "==", "#", '"""', "aB",
    "def f(x):\n    return x\n",
]  # fmt: skip
"""Every line break and look-alike, lone surrogates, combining marks, wide characters, control-token text."""


def nasty_text(max_pieces: int = 12) -> st.SearchStrategy[str]:
    """Short strings built mostly from :data:`PIECES`, now and then with any character at all."""
    anything = st.text(st.characters(), max_size=3)
    run = st.builds(lambda piece, times: piece * times, st.sampled_from(PIECES), st.integers(1, 4))
    return st.lists(st.one_of(st.sampled_from(PIECES), run, anything), max_size=max_pieces).map("".join)


def replacements(max_pieces: int = 5) -> st.SearchStrategy[tuple[float, float, str]]:
    """(where, how much, text): fractions of a text's length, so that a replacement fits any text."""
    share = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
    length = st.one_of(st.just(0.0), st.floats(0, 0.2), st.floats(0, 1))
    return st.tuples(share, length, nasty_text(max_pieces))


def placed(replacement: tuple[float, float, str], size: int) -> tuple[int, int, str]:
    """The (start, end, text) that a replacement means in a text of ``size`` characters."""
    where, share, text = replacement
    start = round(where * size)
    return start, start + round(share * (size - start)), text


def as_sent(text: str) -> str:
    """What is read where ``text`` was written as JSON: two surrogates that meet are one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
