"""The workspace's process, which may end or hang: started again, given up, and never heard of after its end."""

from __future__ import annotations

from kvlsp.config import Settings
from kvlsp.crossfile.process import WorkspaceProcess
from kvlsp.crossfile.supervision import LONG, PATIENCE, PAUSES
from kvlsp.messages import CancelToken, Complete, Configure, OpenDocument, PlaceContext
from kvlsp.workspace.messages import Ask, Condition, DocumentText, FromWorkspace, Roots, Shown
from tests.crossfile.between import CHUNKS, ON, PLACED, A, B, snapshot
from tests.support.clock import ManualClock
from tests.support.fake_workspace import FakeWorkspace


def test_there_is_one_process_at_a_time_and_only_it_is_heard():
    clock, workspace, heard = ManualClock(), FakeWorkspace(), []

    def hear(number: int, message: FromWorkspace | None) -> None:
        heard.append((message, process.heard(number, message)))

    process = WorkspaceProcess(workspace.launch, hear, clock)
    process.send(Roots(("/project",)))  # to nobody
    assert process.start()
    assert process.runs
    process.send(Roots(("/project",)))
    assert workspace.told.items == [Roots(("/project",))]
    process.failed("ended")
    assert not process.runs
    assert workspace.links[0].closed.is_set()
    assert not process.start()  # a pause runs
    assert not process.pause_is_over()
    clock.pass_(PAUSES[0])
    assert process.pause_is_over()
    assert process.start()
    workspace.links[0].hear(None)
    workspace.links[1].hear(Condition(1, 0, 0))
    assert heard == [(None, False), (Condition(1, 0, 0), True)]
    process.end()
    assert process.start()  # at once: it was not a failure


def test_a_process_that_dies_is_started_again_and_told_everything(between):
    between.start(None, snapshot(A))
    between.placed()
    between.workspace.told.items.clear()
    between.workspace.chunks = (Shown("other.py", "y = 2\n"),)
    between.workspace.say(None)
    assert "ended by itself; it is started again" in between.problem("ended")
    between.pass_(PAUSES[0])
    assert between.engine.wait(PlaceContext, lambda message: message.chunks != PLACED).uri == A
    assert between.workspace.told.items[:2] == [Roots(("/project",), ()), DocumentText("/project/a.py", "abc\n")]
    assert between.cross_file.failures == {"ended": 1, "silent": 0}


def test_a_process_that_does_not_answer_is_ended_and_replaced(between):
    between.workspace.chunks = None
    between.start(None, snapshot(A))
    between.workspace.told.wait(Ask)
    between.workspace.say(Condition(1, 5, 9))  # it lives, but answers nothing
    hung = between.process(1)
    between.workspace.told.items.clear()
    between.workspace.chunks = CHUNKS
    between.pass_(PATIENCE)
    assert f"gave no answer for {PATIENCE:.0f} seconds" in between.problem("no answer")
    assert hung.closed.wait(10)
    between.pass_(PAUSES[0])
    assert between.placed().chunks == PLACED
    assert between.cross_file.failures == {"ended": 0, "silent": 1}


def test_while_nobody_answers_a_request_is_not_held_up(between):
    """What the editor's thread and the engine see of a hung process: nothing at all."""
    between.workspace.chunks = None
    between.start(None, snapshot(A))
    between.workspace.told.wait(Ask)
    between.cross_file.note(Complete(1, A, 1, 2, "automatic", 0.0, None, CancelToken()))
    between.pass_(PATIENCE)
    between.problem("no answer")
    assert between.engine.items == []


def test_nothing_shortens_the_pause_before_another_process(between):
    between.workspace.chunks = None
    between.start(None, snapshot(A))
    between.process(1)
    between.clock.step = 0
    between.workspace.say(None)
    between.problem("started again")
    between.pass_(PAUSES[0] / 2)
    between.cross_file.folders(["/project", "/other"], ON, ())
    between.cross_file.note(Configure(Settings(cross_file="always", exclude=("lib/",))))
    between.cross_file.stop()  # when all this was acted on
    assert len(between.workspace.links) == 1


def test_a_process_that_fails_again_and_again_is_given_up_with_a_sentence(between):
    between.workspace.chunks = None
    between.start(None, snapshot(A))
    for number, pause in enumerate((*PAUSES, 0.0), 1):
        between.process(number)
        between.workspace.told.items.clear()
        between.workspace.say(None)
        between.problem("started again" if pause else "in a row")
        between.editor.items.clear()
        between.pass_(pause)
    between.pass_(LONG)
    between.cross_file.note(Configure(Settings(cross_file="never")))
    between.cross_file.note(Configure(ON))  # who wants it again gets it again
    between.process(len(PAUSES) + 2)


def test_failures_long_ago_do_not_count(between):
    between.start(None, snapshot(A))
    for number in range(1, len(PAUSES) + 3):
        between.process(number)
        between.workspace.told.items.clear()
        between.workspace.say(None)
        assert "started again" in between.problem("ended")
        between.editor.items.clear()
        between.pass_(LONG)
    between.process(len(PAUSES) + 3)


def test_switching_off_and_on_is_no_failure(between):
    between.start(None, snapshot(A))
    for number in range(1, len(PAUSES) + 3):
        between.process(number)
        between.workspace.told.items.clear()
        between.cross_file.note(Configure(Settings(cross_file="never")))
        between.cross_file.note(Configure(ON))
    between.process(len(PAUSES) + 3)


def test_what_a_dead_process_still_says_does_not_count(between):
    between.start(None, snapshot(A))
    between.placed()
    first = between.workspace.links[0]
    between.workspace.told.items.clear()
    first.hear(None)
    between.problem("ended")
    between.pass_(PAUSES[0])
    between.process(2)
    first.hear(None)
    between.cross_file.note(OpenDocument(snapshot(B)))
    between.placed(B)
    assert len(between.workspace.links) == 2


def test_a_process_that_cannot_be_started_is_a_sentence(between):
    between.workspace.broken = True
    between.start(None, snapshot(A))
    assert "cannot be started" in between.editor.wait(Condition).problems[0]
