"""Texts made to harm a parser cost what a file may cost, and the next one is read as if nothing had been."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

from kvlsp.errors import ConfigurationError, TooCostly
from kvlsp.syntax.language import Language
from kvlsp.workspace import reader as reading
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index
from kvlsp.workspace.outline import Outline, outline_of
from kvlsp.workspace.reader import IDLE, Reader
from tests.support.clock import ManualClock
from tests.workspace.trees import ALLOWED, write_tree

TEXT = ALLOWED["lib/shapes.py"]
ARROWS = "() => \n" * 2000


def language(ending: str) -> Language:
    found = Language.of(ending)
    assert found is not None
    return found


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def reader(clock):
    reader = Reader(clock)
    yield reader
    reader.close()


def test_it_makes_the_same_outlines(reader):
    for name, text in ALLOWED.items():
        assert reader(language(name), text) == outline_of(language(name), text)
    lone = "x = '\udcff'\ndef f(): pass\n"
    assert reader(language(".py"), lone) == outline_of(language(".py"), lone)


@pytest.mark.parametrize(("ending", "text"), [
    (".c", "() => \n" * 2500),    # gigabytes
    (".c", "/*\n" * 4000),        # minutes
    (".py", "/*\n" * 20_000),     # ends the process
], ids=["memory", "time", "death"])  # fmt: skip
def test_a_text_that_takes_too_much_is_given_up_and_the_next_is_read(reader, ending, text):
    with pytest.raises(TooCostly):
        reader(language(ending), text)
    assert reader(language(".py"), TEXT) == outline_of(language(".py"), TEXT)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux bounds a process's memory and time so")
@pytest.mark.parametrize("work", ["[bytes(1 << 24) for _ in range(1000)]", "any(iter(int, 1))"])
def test_its_bounds_hold_for_whatever_runs(work):
    """A process with the bounds, doing what no parser looks up from."""
    code = (f"from kvlsp.workspace import reader\nreader.PROCESSOR = 1\nreader._bounds()()\n"
            f"try:\n    {work}\nexcept MemoryError:\n    raise SystemExit(9)\n")
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, check=False)
    assert done.returncode in (9, -signal.SIGXCPU), done.stderr


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux alone ends a process with its parent")
def test_it_ends_with_its_owner_whatever_it_does():
    """It does something in C that no other thread of it can interrupt; its owner dies without a word."""
    stuck = ("from kvlsp.workspace.pipes import end_with_parent\nend_with_parent()\nprint('ready', flush=True)\n"
             "import re\nre.match('(a*)*b', 'a' * 60)\n")
    owner = (f"import os, subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {stuck!r}], "
             "stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
             "child.stdout.readline()\nprint(child.pid, flush=True)\nos._exit(9)\n")
    done = subprocess.run([sys.executable, "-c", owner], stdout=subprocess.PIPE, timeout=60, check=False)
    try:
        handle = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return
    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    ended = waiting.poll(30_000)
    if not ended:
        os.kill(int(done.stdout), signal.SIGKILL)
    os.close(handle)
    assert ended


def test_what_is_remembered_is_not_asked_again(reader, monkeypatch):
    with pytest.raises(TooCostly):
        reader(language(".c"), ARROWS)
    reader(language(".py"), TEXT)
    monkeypatch.setattr(Reader, "_ask", None)
    reader(language(".py"), TEXT)
    with pytest.raises(TooCostly):
        reader(language(".c"), ARROWS)


def test_killed_it_is_another_next_time(reader):
    first = reader(language(".py"), TEXT)
    os.kill(reader._process.pid, signal.SIGKILL)
    with pytest.raises(TooCostly):
        reader(language(".py"), TEXT + "\n")
    assert reader(language(".py"), TEXT + "\n\n") == first


def test_it_is_not_kept_where_nobody_needs_it(reader, clock):
    reader(language(".py"), TEXT)
    process = reader._process
    clock.pass_(IDLE)
    reader.tidy()
    assert process.poll() is None
    clock.pass_(1)
    reader.tidy()
    assert process.poll() == 0
    assert isinstance(reader(language(".py"), TEXT), Outline)


def test_one_that_cannot_be_started_is_done_without(reader, monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert reader(language(".py"), TEXT) == outline_of(language(".py"), TEXT)
    assert "cannot be started" in caplog.text


def test_what_is_wrong_with_a_grammar_is_told_as_it_is(monkeypatch, reader):
    monkeypatch.setattr(reading, "read", lambda stream: ConfigurationError("The grammar is not installed."))
    with pytest.raises(ConfigurationError, match="not installed"):
        reader(language(".py"), TEXT)


def test_a_file_that_takes_too_much_is_passed_over_and_named_until_it_changes(tmp_path, reader):
    root = tmp_path / "root"
    write_tree(root, {**ALLOWED, "arrow.c": ARROWS})
    index = Index(Rules(root), tmp_path / "kept", reader)
    list(index.scan())
    assert (index.size().files, index.size().refused) == (len(ALLOWED), 1)
    [sentence] = index.passed_over
    assert str(root / "arrow.c") in sentence
    index.open_document(root / "open.c", ARROWS + "\n")
    assert len(index.passed_over) == 1
    index.close()
    again = Index(Rules(root), tmp_path / "kept", Reader())
    list(again.scan())
    assert len(again.passed_over) == 1
    write_tree(root, {"arrow.c": "int f(void) { return 1; }\n"})
    again.refresh([root / "arrow.c"])
    assert again.passed_over == ()
    again.close()
