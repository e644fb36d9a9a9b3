"""Two VS Codes and a Neovim, all real, on one machine: one engine, suggestions in each, and the memory of little more
than one editor with an engine of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("pynvim", reason="pynvim drives Neovim: pip install pynvim")

from kvlsp.remote import asking
from tests.e2e.support.editors import installed
from tests.e2e.support.neovim import Neovim
from tests.e2e.support.process import use_of
from tests.e2e.support.repetitive import BEGUN, functions
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import VSCode

pytestmark = [pytest.mark.vscode, pytest.mark.timeout(1200)]

NAME = "table.py"
BAR = 1.25
"""Memory of three editors with one engine, in that of one with its own. Found were 1.14: daemons take 19 MiB each, the
engine 436 for three of them, in which the first start has measured the model, and 431 one with its own."""


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_three_real_editors_have_one_engine(tmp_path: Path, ending: ExitStack) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # One user, where the editors have homes of their own; and one kvlsp, where -m takes one from the current folder.
    daemon = ["env", f"HOME={home}", str(Path(sys.executable).with_name("kvlsp")), "serve"]
    codes: list[VSCode] = []
    for name in ("one", "other"):
        editor = VSCode(installed("vscode", "code-server"), tmp_path / name)
        ending.callback(editor.close)
        editor.tapped = TappedServer(tmp_path / f"tap-{name}", daemon)
        editor.change_settings({"kvlsp.server.command": editor.tapped.command})
        editor.write(NAME, functions(6))
        editor.load()
        editor.open(NAME)
        editor.wait_connected(editor.tapped, editor.folder / NAME)
        editor.wait_ready()
        codes.append(editor)
    file = tmp_path / NAME
    file.write_text(functions(6))
    neovim = Neovim(installed("neovim-sid", "nvim"), tmp_path / "neovim", {"cmd": daemon}, [file])
    ending.callback(neovim.close)
    neovim.wait_ready()

    [engine] = asking.engines()
    assert engine["clients"] == 3

    neovim.keys("Go")
    neovim.type_until_ghost(BEGUN, patience=6)
    for editor in codes:
        editor.press("Control+End")
        editor.type_until_ghost(BEGUN, patience=6)
    neovim.check_same_text()

    fronts = [neovim.daemon(), *(editor.tapped.pid() for editor in codes if editor.tapped is not None)]
    assert len({*fronts, engine["process"]}) == 4
    parts = [use_of(process).own_mib for process in (engine["process"], *fronts)]
    ending.close()
    asking.stop()  # what both have mapped would count for each by half

    file.write_text(functions(6))
    alone = Neovim(installed("neovim-sid", "nvim"), tmp_path / "alone", {"cmd": [*daemon, "--engine", "own"]}, [file])
    ending.callback(alone.close)
    alone.wait_ready()
    alone.keys("Go")
    alone.type_until_ghost(BEGUN, patience=6)
    usual = use_of(alone.daemon()).own_mib
    print(f"one engine, three daemons: {[round(part) for part in parts]} MiB; with its own: {usual:.0f} MiB; "
          f"{sum(parts) / usual:.2f}")
    assert sum(parts) <= BAR * usual
