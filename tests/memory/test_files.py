"""Which files a memory knows after any history of what it was told; a token is a character."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.memory import files as memory_files
from kvlsp.memory.files import BATCH, PIECE, WorkspaceMemory, pieces


def encode(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def rest(memory: WorkspaceMemory) -> None:
    while memory.waits:
        memory.step(encode, 128)


def follows(memory: WorkspaceMemory, text: str) -> set[str]:
    """What is known to follow ``text`` as a whole."""
    found = memory.table.find(encode(text)) if memory.table is not None else None
    return set(map(chr, found.ids)) if found is not None and found.length == len(text) else set()


def known(*files: tuple[str, str]) -> WorkspaceMemory:
    memory = WorkspaceMemory()
    memory.hear(files)
    rest(memory)
    return memory


def test_it_knows_what_it_was_told_last():
    memory = known(("a", "abc"), ("b", "abd"))
    assert follows(memory, "ab") == {"c", "d"}
    memory.hear([("a", "abe")])
    rest(memory)
    assert follows(memory, "ab") == {"d", "e"}
    memory.hear([("b", "")])
    rest(memory)
    assert follows(memory, "ab") == {"e"}
    memory.forget()
    assert not memory.waits
    assert follows(memory, "ab") == set()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text("xyz\n", max_size=12), st.integers(0, 5))))
def test_the_order_of_telling_and_reading_does_not_matter(told):
    memory, last = WorkspaceMemory(), {}
    for name, text, steps in told:
        memory.hear([(name, text)])
        last[name] = text
        for _ in range(steps):
            if memory.waits:
                memory.step(encode, 128)
    rest(memory)
    assert memory.files == sum(bool(text) for text in last.values())
    assert len(memory.table or ()) == sum(map(len, last.values()))
    for text in last.values():
        if len(text) >= 2:
            assert text[1] in follows(memory, text[0])


def test_a_step_reads_a_piece_at_most():
    read: list[int] = []

    def counted(text: str) -> list[int]:
        read.append(len(text))
        return encode(text)

    memory = WorkspaceMemory()
    memory.hear([("a", "some words\n" * 5000)])
    while memory.waits:
        before = len(read)
        memory.step(counted, 128)
        assert len(read) <= before + 1
    assert max(read) <= PIECE
    assert sum(read) == len("some words\n" * 5000)


def test_a_step_sorts_in_a_batch_and_a_piece_at_most():
    memory, sizes = WorkspaceMemory(), [0]
    memory.hear([("a", "some words\n" * 5000), ("b", "others\n" * 5000)])
    while memory.waits:
        memory.step(encode, 128)
        sizes.append(len(memory.table or ()))
    assert max(after - before for before, after in pairwise(sizes)) <= BATCH + PIECE
    assert sizes[-1] == 5000 * len("some words\nothers\n")


def test_a_file_without_room_is_not_read_on():
    memory = WorkspaceMemory(bound=22 * BATCH)
    memory.hear([("a", "b"), ("b", "some words\n" * 5000)])
    rest(memory)
    assert memory.files == 0
    assert not len(memory.table or ())


def test_pieces_are_the_text_and_end_with_lines():
    text = "a line\n" * 3000 + "x" * 20_000
    assert "".join(pieces(text)) == text
    assert all(piece.endswith("\n") for piece in list(pieces(text))[:2])


def test_what_was_told_first_goes_first_beyond_the_bound():
    memory = WorkspaceMemory(bound=22 * 250)
    for name in "abcd":
        memory.hear([(name, name * 100)])
        rest(memory)
    assert [bool(follows(memory, letter)) for letter in "abcd"] == [False, False, True, True]
    assert memory.table.nbytes <= 22 * 250


def test_texts_that_wait_are_bounded(monkeypatch):
    monkeypatch.setattr(memory_files, "WAITING", 250)
    memory = known(*((name, name * 100) for name in "abcd"))
    assert [bool(follows(memory, letter)) for letter in "abcd"] == [False, False, True, True]
