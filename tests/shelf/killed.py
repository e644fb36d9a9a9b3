"""Kills processes while they save, and looks at what they leave: rows as one of two versions has them, or nothing.

    python -m tests.shelf.killed FOLDER TIMES [gguf]

A process is a fork that writes the two versions of a document in turn, as quickly as it can. After each kill what lies
in the folder is read as a daemon would, and a session that takes it up has the logits of a full prefill. With
``gguf`` the rows are llama.cpp's.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.engine.warm import take_up
from kvlsp.opening.model import Model
from kvlsp.shelf.file import Damaged, read, write
from kvlsp.shelf.shelved import Leaving, leaving
from kvlsp.shelf.worth import Worth
from tests.support.llama import tiny_gguf_model
from tests.support.models import tiny_model
from tests.support.shelves import LINES, kind_of, label_of, session_of, settled

VERSIONS = (LINES, LINES.replace("limit", "border"))


def main(folder: Path, times: int, engine: str = "") -> None:
    torch.set_num_threads(1)
    model, near = (tiny_gguf_model(2), 1e-3) if engine == "gguf" else (tiny_model(2), 1e-9)
    kind = kind_of(model)
    chance = random.Random(0)
    path = folder / "document.rows"
    leave = [there(leaving(settled(session_of(model, text), 700).cache, narrow=False)) for text in VERSIONS]
    expected = [prefill_logits(model, text) for text in VERSIONS]
    killed = whole = none = unfinished = 0
    while killed < times:
        child = os.fork()
        if not child:
            for rows in itertools.cycle(leave):
                write(path, rows, label_of(kind))
        time.sleep(chance.uniform(0.0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        killed += 1
        unfinished += len(list(folder.glob("*.part")))
        for part in folder.glob("*.part"):
            part.unlink()
        try:
            found = read(path, kind.key, kind.shapes, kind.dtypes, kind.vocabulary, kind.own)
        except FileNotFoundError:
            none += 1
            continue
        except Damaged as error:
            raise SystemExit(f"a file is damaged: {error}") from error
        text = model.tokenizer.decode(found.book.ids[found.book.text])
        version = VERSIONS.index(text)
        assert found.book.frontier == len(found.book)
        session = session_of(model, text)
        assert take_up(session, found, Worth(), 700) == len(found.book.text)
        _layout, settled_ = session.sync(700, wanted=lambda layout: [len(layout) - 1])
        session.cache.check_integrity()
        assert settled_.encoded == 0
        assert (settled_.logits - expected[version]).abs().max() < near
        whole += 1
        if chance.random() < 0.3:
            path.unlink()
    print(f"{killed} killed: {whole} whole, {none} times nothing, {unfinished} unfinished files")


def there(rows: Leaving | None) -> Leaving:
    """Rows whose engine has given them out already: it does not survive a fork."""
    assert rows is not None
    own = rows.own() if rows.own is not None else None
    return rows if own is None else replace(rows, own=lambda: own)


def prefill_logits(model: Model, text: str) -> torch.Tensor:
    session = session_of(model, text)
    layout = session.layout(700, slide=True)
    return repair(ResidentCache(model.decoder, session.context), layout, wanted=[len(layout) - 1]).logits


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
