"""How long a daemon takes to answer ``initialize``, and what it uses then and with a file and a workspace open.

    python -m tests.e2e.start [--tree FOLDER]... [--starts 5] [--cold] [-- ARGUMENT...]

Each tree is a checkout whose ``python -m kvlsp serve ARGUMENT...`` is measured, the trees in turn; without one it is
this checkout. The time is from the start of the process to the answer as a client reads it, interpreter and all. With
``--cold`` the files that a start reads are taken out of the system's memory before each, but for those that another
process maps (the interpreter itself); *read* is what came from the disk then. After the answer a workspace of 200 files
and a file of 2,000 lines are opened; when the model has loaded and the index is whole, memory is looked at again, of
each process by itself. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.e2e.support.process import Use, children_of, files_of, forget, use_of
from tests.support.lsp_client import LspClient

HERE = Path(__file__).parents[2]
LINES = 2_000
FILES = 200
PATIENCE = 120.0


@dataclass(frozen=True)
class Start:
    """One start."""

    milliseconds: float
    """To the answer."""
    begun: Use
    """At the answer."""
    settled: list[Use]
    """Of all its processes, once there is nothing left to do."""


def start(tree: Path, folder: Path, command: list[str]) -> Start:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache"),
                   "XDG_RUNTIME_DIR": str(folder), "KVLSP_ENGINE_LINGER": "1"}
    began = time.monotonic()
    client = LspClient.spawn(command, cwd=tree, env=environment, stderr=subprocess.DEVNULL)
    assert client.process is not None
    root = folder / "workspace"
    client.ask("initialize", {
        "processId": os.getpid(), "rootUri": None, "workspaceFolders": [{"uri": root.as_uri(), "name": "w"}],
        "capabilities": {"textDocument": {"inlineCompletion": {}}}, "initializationOptions": {"crossFile": "always"}})
    milliseconds = 1000 * (time.monotonic() - began)
    begun = use_of(client.process.pid)
    client.notify("initialized", {})
    long = "".join(f"def function_{number}(value):\n    return value + {number}\n" for number in range(LINES // 2))
    uri = (root / "long.py").as_uri()
    client.open(uri, long)
    client.notification("kvlsp/status", lambda status: status["kind"] in ("ready", "error"))
    _settle(client, uri)
    settled = [use_of(pid) for pid in (client.process.pid, *children_of(client.process.pid))]
    with contextlib.suppress(TimeoutError):
        client.close()
    return Start(milliseconds, begun, settled)


def _settle(client: LspClient, uri: str) -> None:
    """Until the index is whole, and the window of the document grows no more."""
    end, before = time.monotonic() + PATIENCE, -1
    while time.monotonic() < end:
        workspace = client.ask("kvlsp/statistics", {})["server"]["workspace"]
        state = client.state(uri) or {"cachedTokens": 0}
        if workspace["files"] >= FILES and not workspace["indexing"] and state["cachedTokens"] == before:
            return
        before = state["cachedTokens"]
        time.sleep(1)
    raise TimeoutError("the daemon did not come to rest")


def write_workspace(root: Path) -> None:
    root.mkdir(parents=True)
    for number in range(FILES):
        body = "".join(f"def part_{number}_{line}(value):\n    return value * {line}\n\n" for line in range(20))
        root.joinpath(f"module_{number}.py").write_text(body, encoding="utf-8")


def describe(tree: Path, starts: list[Start]) -> str:
    def of(*values: float) -> str:
        return f"{median(values):.0f} ({min(values):.0f} to {max(values):.0f})"

    lines = [f"{tree}: {len(starts)} starts, medians (from, to)",
             f"  initialize answered after      {of(*(one.milliseconds for one in starts))} ms",
             f"  processor time until then      {of(*(1000 * one.begun.seconds for one in starts))} ms",
             f"  resident memory then           {of(*(one.begun.mib for one in starts))} MiB",
             f"  read from the disk             {of(*(one.begun.read_mib for one in starts))} MiB"]
    for what in dict.fromkeys(use.what for one in starts for use in one.settled):
        uses = [use for one in starts for use in one.settled if use.what == what]
        lines.append(f"  at rest, {what:<25}{of(*(use.mib for use in uses))} MiB, "
                     f"its own share {of(*(use.own_mib for use in uses))}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", action="append", type=Path, default=[])
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("arguments", nargs="*")
    chosen = parser.parse_args()
    trees = [tree.resolve() for tree in chosen.tree or [HERE]]
    command = [sys.executable, "-m", "kvlsp", "serve", *chosen.arguments]
    found: dict[Path, list[Start]] = {tree: [] for tree in trees}
    for tree in trees * chosen.starts:
        with tempfile.TemporaryDirectory() as name:
            write_workspace(Path(name, "workspace"))
            if chosen.cold:
                forget(files_of(command, tree))
            found[tree].append(start(tree, Path(name), command))
    for tree, starts in found.items():
        print(describe(tree, starts))


if __name__ == "__main__":
    main()
