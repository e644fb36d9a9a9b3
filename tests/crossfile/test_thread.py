"""From documents that are open to what the engine is told of other files."""

from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.crossfile.supervision import PAUSES
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Configure,
    OpenDocument,
    PlaceContext,
    Remember,
    RememberedFile,
)
from kvlsp.workspace.messages import (
    Ask,
    Condition,
    DocumentClosed,
    DocumentText,
    FilesChanged,
    PartOpened,
    Recalled,
    Recollect,
    Roots,
    Shown,
    Withheld,
)
from tests.crossfile.between import ON, PLACED, A, B, snapshot


def test_from_an_open_document_to_the_engine(between):
    between.start()
    between.cross_file.note(OpenDocument(snapshot(A)))
    assert between.placed() == PlaceContext(A, PLACED, "project", "a.py")
    told = between.workspace.told.items
    assert told[:2] == [Roots(("/project",), ()), DocumentText("/project/a.py", "abc\n")]
    assert isinstance(told[2], Ask)


def test_documents_that_were_open_before_the_folder(between):
    between.cross_file.note(OpenDocument(snapshot(A)))  # nobody listens yet
    assert between.workspace.links == []
    between.start(None, snapshot(A))
    assert between.placed().chunks == PLACED


def test_without_a_folder_there_is_no_thread(between):
    between.cross_file.folders([], ON, [snapshot(A)])
    between.cross_file.changed(["/project/a.py"])
    assert between.cross_file._thread is None
    assert between.workspace.links == []


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "file://"])
def test_a_document_that_was_never_saved_is_asked_for_too(between, uri):
    between.start()
    between.cross_file.note(OpenDocument(snapshot(uri)))
    assert between.placed(uri).chunks == PLACED
    assert between.workspace.told.of(DocumentText) == [DocumentText(uri, "abc\n", "python")]
    between.cross_file.note(CloseDocument(uri))
    assert between.workspace.told.wait(DocumentClosed).path == uri


def test_documents_of_other_schemes_are_nobodys_business(between):
    between.start()
    between.cross_file.note(OpenDocument(snapshot("git:/project/a.py")))
    between.cross_file.note(OpenDocument(snapshot(B)))
    between.placed(B)
    assert [text.path for text in between.workspace.told.of(DocumentText)] == ["/project/b.py"]


def test_cells_and_documents_of_other_machines_are_judged_by_their_files_and_nothing_is_asked_for_them(between):
    cell, remote, opaque = "vscode-notebook-cell:/project/n.ipynb#1", "vscode-remote://h/project/a.py", "nb#1"
    between.cross_file.note(OpenDocument(snapshot(cell)))
    between.start(None, snapshot(cell))
    between.cross_file.belongs(opaque, "file:///project/m.ipynb")
    for uri in (remote, opaque, B):
        between.cross_file.note(OpenDocument(snapshot(uri)))
    between.placed(B)
    told = between.workspace.told
    assert told.of(PartOpened) == [PartOpened(cell, "/project/n.ipynb"), PartOpened(remote, "/project/a.py"),
                                   PartOpened(opaque, "/project/m.ipynb")]
    assert [text.path for text in told.of(DocumentText)] == ["/project/b.py"]
    between.workspace.say(Withheld(("/project/b.py", cell, opaque, "gone")))
    assert between.engine.wait(Remember).withheld == (B, cell, opaque)
    between.cross_file.note(CloseDocument(cell))
    told.wait(DocumentClosed, lambda closed: closed.path == cell)
    between.cross_file.folders(["/other"], ON, ())
    told.wait(Roots, lambda roots: roots.paths == ("/other",))
    between.cross_file.note(OpenDocument(snapshot("git:/z.py")))
    told.wait(PartOpened, lambda part: part.path == "/z.py")
    assert told.of(PartOpened)[3:5] == [PartOpened(remote, "/project/a.py"), PartOpened(opaque, "/project/m.ipynb")]


def test_a_document_that_will_be_saved_at_a_path_is_judged_by_it_and_asked_for(between):
    """VS Code opens a path at which nothing lies yet as ``untitled:``."""
    uri = "untitled:/project/private/a.py"
    between.start()
    between.cross_file.note(OpenDocument(snapshot(uri)))
    assert between.placed(uri).chunks == PLACED
    told = between.workspace.told
    assert told.of(PartOpened) == [PartOpened(uri, "/project/private/a.py")]
    assert told.of(DocumentText) == [DocumentText(uri, "abc\n", "python")]
    between.workspace.say(Withheld((uri,)))
    assert between.engine.wait(Remember).withheld == (uri,)


def test_the_caret_of_a_request_and_the_end_of_a_document(between):
    between.start(None, snapshot(A, "x" * 900), snapshot(B))
    between.cross_file.note(Complete(1, A, 1, 600, "automatic", 0.0, None, CancelToken()))
    assert between.workspace.told.wait(Ask, lambda ask: ask.offset == 600).path == "/project/a.py"
    between.cross_file.note(CloseDocument(A))
    assert between.workspace.told.wait(DocumentClosed) == DocumentClosed("/project/a.py")


def test_changed_files_are_handed_on(between):
    between.start()
    between.cross_file.changed(["/project/lib.py"])
    assert between.workspace.told.wait(FilesChanged).paths == ("/project/lib.py",)


def test_an_index_that_has_changed_is_asked_again(between):
    between.start(None, snapshot(A))
    between.placed()
    between.workspace.chunks = ()
    between.workspace.say(Condition(1, 5, 9, settled=True))
    assert between.engine.wait(PlaceContext, lambda message: not message.chunks).uri == A
    assert between.editor.wait(Condition).files == 5


def test_switched_off_and_on(between):
    between.start(None, snapshot(A))
    between.placed()
    between.cross_file.note(Configure(Settings(cross_file="never")))
    assert between.engine.wait(PlaceContext, lambda message: not message.chunks) == PlaceContext(A, ())
    assert between.workspace.links[0].closed.wait(10)
    between.workspace.chunks = (Shown("other.py", "y = 2\n"),)
    between.cross_file.note(Configure(ON))
    assert between.engine.wait(PlaceContext, lambda message: message.chunks[0:1] != PLACED and message.chunks).uri == A
    assert len(between.workspace.links) == 2


def test_switched_off_from_the_beginning(between):
    between.start(Settings(cross_file="never"), snapshot(A))
    between.editor.wait(Condition)
    assert between.workspace.links == []
    between.cross_file.note(Configure(ON))
    assert between.placed().chunks == PLACED


def test_other_globs_reach_the_process(between):
    between.start()
    between.cross_file.note(Configure(Settings(cross_file="always", exclude=("lib/",))))
    assert between.workspace.told.wait(Roots, lambda roots: roots.exclude == ("lib/",)).paths == ("/project",)
    assert len(between.workspace.links) == 1


def test_a_defect_costs_the_context_only(between, caplog):
    between.start()
    between.cross_file.note(Complete(1, ["abc"], 1, 0, "automatic", 0.0))  # a list is no key
    between.cross_file.note(OpenDocument(snapshot(B)))
    between.placed(B)
    assert "failed on Complete (TypeError)" in caplog.text
    assert "abc" not in caplog.text


def test_the_end_stops_thread_and_process(between):
    between.start()
    between.workspace.told.wait(Roots)
    thread = between.cross_file._thread
    between.cross_file.stop()
    assert not thread.is_alive()
    assert between.workspace.links[0].closed.is_set()


@pytest.mark.parametrize(("cross_file", "model", "asked"), [
    ("auto", "", False), ("auto", "some/model", True), ("never", "some/model", False), ("always", "", True),
])
def test_who_gets_what_of_other_files(cross_file, model, asked):
    assert Settings(cross_file=cross_file, model=model).reads_workspace is asked


REMEMBERING = Settings()


def test_with_the_default_model_files_are_remembered_and_nothing_is_asked_for(between):
    between.start(REMEMBERING, snapshot(A))
    assert between.workspace.told.wait(Recollect).languages == ("javascript", "python", "tsx", "typescript")
    between.workspace.told.wait(DocumentText)  # the memory has to know what is open
    between.workspace.say(Recalled((("/project/b.py", "x = 1\n"),)))
    between.workspace.say(Recalled((("/project/c.py", ""),)))
    first = between.engine.wait(Remember)
    assert first == Remember((RememberedFile("/project/b.py", "x = 1\n"),), anew=True)
    assert between.engine.wait(Remember, lambda message: not message.anew).files[0].path == "/project/c.py"
    between.cross_file.note(Complete(1, A, 1, 2, "automatic", 0.0))
    between.pass_(1)
    between.cross_file.stop()
    assert between.workspace.told.of(Ask) == []


def test_the_engine_is_told_which_open_documents_are_in_no_memory(between):
    between.start(REMEMBERING, snapshot(A), snapshot(B))
    between.workspace.told.wait(Recollect)
    between.workspace.told.wait(DocumentText, lambda one: one.path == "/project/b.py")
    between.workspace.say(Withheld(("/project/a.py", "/elsewhere.py")))
    assert between.engine.wait(Remember).withheld == (A,)
    between.workspace.say(Withheld(("/project/a.py", "/project/b.py")))
    assert between.engine.wait(Remember, lambda one: len(one.withheld) == 2) == Remember((), withheld=(A, B))
    between.cross_file.note(Configure(Settings(workspace_memory="off")))
    between.engine.wait(Remember, lambda one: one.withheld == ())


@pytest.mark.parametrize("settings", [Settings(workspace_memory="off"), Settings(cross_file="never"),
                                      Settings(engine="wss://team.example/"), Settings(model="x", cross_file="never")])
def test_who_wants_no_memory_has_no_process(between, settings):
    between.start(settings, snapshot(A))
    between.cross_file.stop()
    assert between.workspace.links == []


def test_a_memory_that_is_switched_off_is_forgotten(between):
    between.start(REMEMBERING)
    between.workspace.told.wait(Recollect)
    between.workspace.say(Recalled((("/project/b.py", "x = 1\n"),)))
    between.engine.wait(Remember)
    between.cross_file.note(Configure(Settings(workspace_memory="off")))
    assert between.engine.wait(Remember, lambda message: not message.files).anew


def test_a_process_that_is_started_again_tells_all_anew(between):
    between.start(REMEMBERING)
    between.workspace.told.wait(Recollect)
    between.workspace.say(Recalled((("/project/b.py", "x = 1\n"),)))
    between.workspace.say(None)
    between.problem("ended by itself")
    between.pass_(PAUSES[0])
    between.process(2)
    between.workspace.told.wait(Recollect, lambda _: len(between.workspace.told.of(Recollect)) == 2)
    between.workspace.say(Recalled((("/project/c.py", "y = 1\n"),)))
    assert between.engine.wait(Remember, lambda message: message.files[0].path == "/project/c.py").anew
