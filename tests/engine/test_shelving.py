"""Documents that are closed and opened again, by this daemon or the next: their rows come from disk."""

from __future__ import annotations

import dataclasses
import logging
import threading

import pytest

from kvlsp.engine.shelving import EVERY, LONGEST_WAIT
from kvlsp.messages import CloseDocument, Configure, OpenDocument, Watch, Watched
from kvlsp.shelf.file import ENDING, read
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import SETTINGS, URI, Bench, complete, watched_model

TEXT = "".join(f"value_{number} = compute({number})\n" for number in range(60))
CARET = TEXT.index("compute(30")


class Shelved(Bench):
    """An engine whose forwards take time, with a model whose files are known."""

    def __init__(self, text: str = TEXT, **changes) -> None:
        model = dataclasses.replace(watched_model(), identity="the tiny one")
        self.rows = 0
        forward = model.decoder.forward

        def counted(document, rows):
            self.clock.pass_(0.001 * len(rows.ids))
            self.rows += len(rows.ids)
            return forward(document, rows)

        model.decoder.forward = counted
        super().__init__(text, dataclasses.replace(SETTINGS, **changes), load=lambda *_: model)

    def fetch(self) -> None:
        """Until what lies on disk has come, as far as anything does."""
        self.work()
        assert self.engine.documents.shelving.worker.finish(30)
        self.work()

    def rest_for(self, seconds: float) -> None:
        for _ in range(200):
            self.clock.pass_(seconds / 200)
            self.work()
        assert self.engine.documents.shelving.worker.finish(30)

    def end(self) -> None:
        self.engine.stop()  # no thread was started: the last turn is ours
        while self.engine.turn(0):
            pass
        assert self.engine.documents.shelving.worker.finish(30)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("kvlsp.engine.shelving.rows_folder", lambda: tmp_path / "rows")
    return tmp_path / "rows"


def used(folder) -> list[str]:
    return [path.name for path in folder.glob("*")] if folder.is_dir() else []


def opened_again(text: str = TEXT, **changes) -> Shelved:
    bench = Shelved(text, **changes)
    bench.fetch()
    return bench


@pytest.fixture
def whole(folder) -> Shelved:
    """All of the document is laid out, and exact."""
    bench = Shelved()
    bench.fetch()
    complete(bench, CARET)
    bench.rest_for(5)
    assert bench.session.cache.stale == 0
    return bench


def test_a_document_that_is_closed_comes_back_by_the_next_daemon(whole, folder):
    rows = len(whole.session.cache.rows)
    whole.engine.post(CloseDocument(URI))
    whole.fetch()
    assert [name.endswith(ENDING) for name in used(folder)] == [True]
    assert "memory" not in used(folder)[0]
    bench = opened_again()
    assert len(bench.session.cache.rows) > rows - 40
    assert bench.rows < 100, "a few rows around the caret, and no prefill"
    answer = complete(bench, CARET)
    assert answer.report["encoded"] < 100


def test_the_end_of_the_daemon_keeps_what_is_open(whole, folder):
    whole.edit(0, 0, "import this\n")
    whole.work()
    whole.end()
    bench = opened_again("import this\n" + TEXT)
    bench.rest_for(5)
    assert bench.rows < len(bench.session.cache.rows) * 1.5
    assert len(used(folder)) == 1


def test_a_document_at_rest_is_kept_now_and_then(whole, folder):
    (name,) = used(folder)
    first = (folder / name).stat().st_mtime_ns
    whole.edit(0, 0, "import this\n")
    whole.rest_for(EVERY / 2)
    assert (folder / name).stat().st_mtime_ns == first, "not so soon"
    whole.rest_for(EVERY)
    assert (folder / name).stat().st_mtime_ns > first
    second = (folder / name).stat().st_mtime_ns
    whole.rest_for(EVERY * 3)
    assert (folder / name).stat().st_mtime_ns == second, "nothing was typed"
    assert whole.engine.patience() is None


def test_an_answer_does_not_depend_on_the_disk(whole, folder):
    expected = complete(Shelved(disk_mib=0), CARET).items
    whole.end()
    bench = opened_again()
    assert complete(bench, CARET).items == expected


def test_nothing_is_read_or_written_where_it_is_switched_off(folder):
    bench = Shelved(disk_mib=0)
    complete(bench, CARET)
    bench.rest_for(5)
    bench.end()
    assert used(folder) == []


def test_switching_it_off_holds_at_once(whole, folder):
    (name,) = used(folder)
    (folder / name).unlink()
    whole.engine.post(Configure(dataclasses.replace(SETTINGS, disk_mib=0)))
    whole.work()
    whole.end()
    assert used(folder) == []


def test_what_is_encoded_in_no_time_is_not_kept(folder):
    bench = Shelved("a = 1\n")
    complete(bench, 3)
    bench.rest_for(5)
    bench.end()
    assert used(folder) == []


@pytest.mark.parametrize("uri", ["untitled:one", "file:///home/me/.env.local", "file:///home/me/secrets/a%20b.py"])
def test_a_document_without_a_name_or_one_that_tells_of_secrets_is_not_kept(folder, uri):
    bench = Shelved("")
    bench.engine.post(OpenDocument(Snapshot(uri, 1, Rope.of(TEXT), "")))
    bench.fetch()
    bench.rest_for(5)
    assert used(folder) == []


def test_a_damaged_file_is_deleted_and_said_without_a_word_of_the_text(whole, folder, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("kvlsp"), "propagate", True)
    whole.end()
    (path,) = folder.glob("*")
    content = path.read_bytes()
    damaged = content[:-40] + bytes(40)
    path.write_bytes(damaged)
    with caplog.at_level(logging.INFO, "kvlsp"):
        bench = opened_again()
    assert not path.exists() or path.read_bytes() != damaged, "the rows may have been written anew by now"
    assert [record.message for record in caplog.records if "rows" in record.message] == [
        "A file of rows is deleted: its checksum does not fit."]
    assert complete(bench, CARET).items


def test_an_edit_while_the_rows_are_on_their_way(whole, folder):
    whole.end()
    bench = Shelved()
    bench.work()
    bench.edit(0, 0, "import this\n")
    bench.fetch()
    assert len(bench.session.cache.rows) > len(bench.session.tokens.ids) * 0.9
    bench.session.cache.check_integrity()
    bench.rest_for(5)
    assert bench.rows < len(bench.session.cache.rows) * 1.5


def test_a_disk_that_does_not_answer_is_not_waited_for(whole, folder, monkeypatch):
    whole.end()
    monkeypatch.setattr("kvlsp.shelf.shelf.Shelf.fetch", lambda *_: None)
    bench = Shelved()
    request = bench.request(CARET)
    bench.work()
    assert not bench.session.cache.resident
    for _ in range(300):
        bench.clock.pass_(0.01)
        bench.work()
    assert bench.session.cache.resident
    assert bench.answer(request) is not None


def test_a_session_that_is_made_anew_goes_on_with_its_rows(whole):
    before = whole.rows
    whole.engine.post(Configure(dataclasses.replace(whole.settings, max_tokens=20)))
    whole.fetch()
    whole.rest_for(5)
    assert len(whole.session.cache.rows)
    assert whole.rows - before < len(whole.session.cache.rows) * 1.5


def test_who_looks_on_is_told_what_lies_on_disk(folder):
    bench = Shelved()
    complete(bench, CARET)
    bench.rest_for(60)
    bench.engine.post(Watch(77, -1))
    bench.work()
    [view] = [event.view for event in bench.events if isinstance(event, Watched)]
    lies = sum(file.stat().st_size for file in folder.iterdir())
    assert view["memory"]["disk"] == lies > 0
    assert view["memory"]["diskBound"] == SETTINGS.disk_mib << 20
    bench.engine.post(Configure(dataclasses.replace(bench.settings, disk_mib=0)))
    bench.engine.post(CloseDocument(URI))
    bench.clock.pass_(1.0)
    bench.engine.post(Watch(78, 0))
    bench.work()
    assert bench.engine.documents.shelving.disk == (None, 0)


def late(monkeypatch, text: str) -> tuple[Shelved, threading.Event]:
    """Goes on without the rows of three times the usual text, which the disk does not bring before the event."""
    first = Shelved(TEXT * 3)
    first.fetch()
    complete(first, CARET)
    first.rest_for(5)
    first.end()
    held = threading.Event()
    monkeypatch.setattr("kvlsp.shelf.shelf.read", lambda *which: held.wait(60) and read(*which))
    bench = Shelved(text)
    bench.clock.pass_(LONGEST_WAIT + 1)
    assert complete(bench, min(CARET, len(text))).items, "it goes on without them"
    return bench, held


def test_rows_that_come_late_and_are_worth_nothing_take_nothing_away(folder, monkeypatch):
    other = "".join(f"{chr(97 + number % 26) * 3}[{number}] @ {number * 7}\n" for number in range(10))
    bench, held = late(monkeypatch, other)
    encoded, resident = bench.rows, len(bench.session.cache.rows)
    held.set()
    bench.fetch()
    assert bench.rows - encoded < resident / 2


@pytest.mark.parametrize("most", [False, True])
def test_rows_that_a_slow_disk_brings_late_are_taken_up_unless_most_has_been_encoded_meanwhile(
    folder, monkeypatch, most
):
    bench, held = late(monkeypatch, TEXT * 3)
    if most:
        bench.rest()
    encoded, before = bench.rows, len(bench.session.window)
    held.set()
    bench.fetch()
    assert bench.rows - encoded < 20
    assert len(bench.session.window) == (before if most else bench.session.window.goal[1])
    bench.rest_for(60)
    assert bench.session.cache.stale == 0
    bench.session.cache.check_integrity()
