"""The real process: it answers, yields, takes its modules from the daemon's own paths only, and never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from kvlsp.errors import WorkspaceError
from kvlsp.workspace import process
from kvlsp.workspace.messages import Ask, Condition, DocumentText, Retrieved, Roots, Shown
from tests.support.fake_workspace import TIMEOUT, News
from tests.workspace.trees import ALLOWED, write_tree

CIRCLE = Shown("lib/shapes.py", ALLOWED["lib/shapes.py"])


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_tree(tmp_path / "project", ALLOWED)
    return (tmp_path / "project").resolve()


class End:
    """In the place of None."""


@pytest.fixture
def heard():
    return News()


@pytest.fixture
def link(root, heard):
    link = process.launch(lambda message: heard.add(End() if message is None else message))
    yield link
    link.close()


def settled(link, heard, root) -> Condition:
    link.send(Roots((str(root),)))
    return heard.wait(Condition, lambda condition: condition.settled)


def test_it_indexes_and_answers(link, heard, root):
    text = ALLOWED["app.py"]
    link.send(DocumentText(str(root / "app.py"), text + "# \udcff\n"))
    assert settled(link, heard, root).files == len(ALLOWED)
    link.send(Ask(7, str(root / "app.py"), len(text), 1000))
    answer = heard.wait(Retrieved)
    assert (answer.number, answer.chunks, answer.root) == (7, (CIRCLE,), "project")


def test_what_it_cannot_do_does_not_end_it(link, heard, root):
    link.send(DocumentText("/a\0b/c.py", "abc"))
    assert settled(link, heard, root).files == len(ALLOWED)


def test_it_sees_what_changes_on_the_disk_while_it_sleeps(link, heard, root):
    settled(link, heard, root)
    heard.items.clear()
    write_tree(root, {"lib/new.py": "def new():\n    pass\n"})
    assert heard.wait(Condition, lambda condition: condition.settled and condition.files == len(ALLOWED) + 1)


def test_it_ends_when_its_input_does(link, heard, root):
    settled(link, heard, root)
    link.close()
    heard.wait(End)
    assert link._process.poll() == 0
    with pytest.raises(WorkspaceError, match="ended"):
        link.send(Roots(()))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot stop a process (SIGSTOP)")
def test_one_that_hangs_holds_nobody_up_and_is_ended_by_force(link, heard, root):
    settled(link, heard, root)
    os.kill(link._process.pid, signal.SIGSTOP)
    sender = threading.Thread(target=link.send, args=(DocumentText("/a.py", "x" * 10**7),), daemon=True)
    sender.start()
    sender.join(TIMEOUT)
    assert not sender.is_alive()
    link.close()
    heard.wait(End)
    assert link._process.poll() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_killed_it_says_that_it_has_ended_and_leaves_a_sound_index(link, heard, root, tmp_path):
    settled(link, heard, root)
    link._process.kill()
    heard.wait(End)
    again = News()
    second = process.launch(lambda message: again.add(End() if message is None else message))
    assert settled(second, again, root).files == len(ALLOWED)
    second.close()


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="priorities of Unix")
def test_it_yields_and_leaves_ctrl_c_to_the_daemon(link, heard, root):
    settled(link, heard, root)
    pid = link._process.pid
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, ours + process.NICE)
    os.kill(pid, signal.SIGINT)
    link.send(Roots(()))
    heard.wait(Condition, lambda condition: condition.roots == 0)


def test_no_module_of_the_users_folder_is_run(root, heard, monkeypatch):
    for name in ("watchdog", "sqlite3", "pickle", "kvlsp"):
        write_tree(root, {f"{name}.py": f"open({str(root / 'run')!r}, 'w').close()\n"})
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    link = process.launch(lambda message: heard.add(End() if message is None else message))
    assert settled(link, heard, root).files == len(ALLOWED) + 4
    link.close()
    assert not (root / "run").exists()


def test_a_daemon_that_is_killed_takes_it_along(root, tmp_path):
    """A daemon in a process of its own starts one, says its number, and dies without a word."""
    daemon = subprocess.run(
        [sys.executable, "-c", "import os\nfrom kvlsp.workspace import process\n"
                               "link = process.launch(lambda message: None)\n"
                               "print(link._process.pid, flush=True)\nos._exit(9)\n"],
        stdout=subprocess.PIPE, timeout=60, check=False)  # returns when nobody holds its output any more
    assert daemon.returncode == 9
    assert daemon.stdout.strip().isdigit()


def test_what_cannot_be_started_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(WorkspaceError, match="completions know the open document only"):
        process.launch(lambda message: None)
