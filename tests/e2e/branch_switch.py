"""Typing in the real daemon while thousands of files change under it, with and without context from other files.

    python -m tests.e2e.branch_switch --files 5000

A second process rewrites the files as a branch switch does, in both runs, so that what differs is kvlsp's own work.
Prints JSON: milliseconds from a request to its answer (strokes that wait for a suggestion), peak memory in MiB,
whether the index is the one that is made from scratch. On a busy machine only the two runs' ratio means anything.
"""

from __future__ import annotations

import argparse
import bisect
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index
from tests.support.lsp_client import LspClient, edit, python_module

LOADING = 300.0
"""Seconds that the model may take on a machine that has much else to do."""
FOLLOWS = 120.0
"""Seconds until the index is right at the latest."""
PAUSE = 0.1
"""Seconds between an answer and the next key."""
SETTLED = 2.0
"""Seconds without work on the index after which it has followed."""
TYPED = "    total = first + second\n    for number in range(total):\n        print(number)\n"

SWITCH = """
import pathlib, sys
root, files = pathlib.Path(sys.argv[1]), int(sys.argv[2])
for number in range(files):
    path = root / f"package{number % 50}" / f"module{number}.py"
    if number % 10 == 3:
        path.unlink()
    else:
        path.write_text(path.read_text().replace("before", "after"))
    if number % 20 == 7:
        path.with_name(f"fresh{number}.py").write_text(f"def fresh{number}():\\n    return {number}\\n")
"""


def source(number: int) -> str:
    """A module of some 50 lines with a name of its own."""
    functions = (f"def before{number}_{part}(first, second):\n"
                 f'    """The {part}. of module {number}."""\n'
                 f"    total = first * {part} + second\n    return total - {number}\n\n\n" for part in range(8))
    return f"import os\n\nfrom package{(number + 1) % 50} import module{number + 1}\n\n\n" + "".join(functions)


def write_files(root: Path, files: int) -> None:
    for number in range(files):
        folder = root / f"package{number % 50}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"module{number}.py").write_text(source(number), encoding="utf-8")


class Run:
    """One daemon over one folder of files, with a document open whose last function is being typed."""

    def __init__(self, folder: Path, files: int, cross_file: bool) -> None:
        self.root, self.files = folder / "project", files
        write_files(self.root, files)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(folder / "cache")}
        # an engine of its own: one that others share would still write into the folder when that is taken away
        self.client = LspClient.spawn(python_module("kvlsp", "serve", "--engine", "own"), env=environment,
                                      stderr=subprocess.DEVNULL)
        started = time.monotonic()
        self.client.ask("initialize", {
            "processId": os.getpid(), "rootUri": self.root.as_uri(), "capabilities": {
                "window": {"workDoneProgress": True}, "textDocument": {"inlineCompletion": {}}},
            "initializationOptions": {
                "crossFile": "always" if cross_file else "never",
                "threads": 1, "deadlineMs": 10_000}})  # what is measured is waiting
        self.client.notify("initialized", {})
        self.client.wait_for(lambda message: message.get("method") == "kvlsp/status"
                             and message["params"]["kind"] in ("ready", "error"), LOADING)
        text = ("from package4.module4 import before4_1, before4_2\n\n" + inspect.getsource(bisect)
                + "\n\ndef added(first, second):\n")
        self.uri, self.row = (self.root / "open.py").as_uri(), text.count("\n")
        self.client.open(self.uri, text)
        self.indexed: float | None = None
        if cross_file:
            self.wait(lambda stands: stands["files"] >= files and not stands["indexing"])
            self.indexed = time.monotonic() - started
        while not self.exact() or (cross_file and not self.statistics()["chunkRows"]):
            time.sleep(PAUSE * 5)  # a rest, in which what suits from other files is placed
        self.column = self.at = 0

    def exact(self) -> bool:
        """Whether the document is resident as a whole."""
        state = self.client.state(self.uri)
        return bool(state and state["cachedTokens"] >= state["tokens"] > 0 == state["staleTokens"])

    def statistics(self) -> dict[str, Any]:
        return self.client.ask("kvlsp/statistics", {})

    def stands(self) -> dict[str, Any]:
        return self.statistics()["server"]["workspace"]

    def wait(self, until: Callable[[dict[str, Any]], bool]) -> None:
        while not until(self.stands()):
            time.sleep(PAUSE)

    def stroke(self) -> float:
        """One key and the milliseconds until its suggestion is there, or an empty answer."""
        letter = TYPED[self.at % len(TYPED)]
        self.at += 1
        self.client.change(self.uri, edit(self.row, self.column, self.column, letter))
        self.row, self.column = (self.row + 1, 0) if letter == "\n" else (self.row, self.column + 1)
        before = time.monotonic()
        self.client.answer_to(self.client.complete(self.uri, self.row, self.column))
        waited = 1000 * (time.monotonic() - before)
        time.sleep(PAUSE)
        return waited

    def switch(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SWITCH, str(self.root), str(self.files)])

    def memory(self) -> list[float]:
        """Peak MiB of the daemon and of its processes, where /proc tells."""
        assert self.client.process
        pid = self.client.process.pid
        try:
            children = [child for task in Path(f"/proc/{pid}/task").iterdir()
                        for child in (task / "children").read_text().split()]
            return [peak_mib(one) for one in [str(pid), *children]]
        except OSError:
            return []


def peak_mib(pid: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def differences(root: Path, kept: Path, fresh: Path) -> int:
    """Rows in which the kept index and one from scratch differ at last, those of the open document left out.

    A process of low priority may have its last files still before it, so it is given some time.
    """
    wanted = content(root, fresh, scan=True)
    until = time.monotonic() + FOLLOWS
    while (left := len(wanted ^ content(root, kept))) and time.monotonic() < until:
        time.sleep(PAUSE)
    return left if wanted else -1


def content(root: Path, folder: Path, *, scan: bool = False) -> set[tuple[object, ...]]:
    """All that is kept of a root in this folder, but for the open document."""
    index = Index(Rules(root), folder)
    try:
        if scan:
            list(index.scan())
        rows = index._store.rows('SELECT path, refusal, imports, name, inside, line, "end", signature, text FROM files '
                                 "LEFT JOIN definitions ON files.id = file WHERE path != 'open.py'")
        rows += index._store.rows('SELECT path, line, "end", identifiers FROM files JOIN pieces ON files.id = '
                                  "pieces.file JOIN words ON words.rowid = pieces.id WHERE path != 'open.py'")
        return set(rows)
    finally:
        index.close()


def summary(milliseconds: list[float]) -> dict[str, float]:
    ordered = sorted(milliseconds)
    return {"strokes": len(ordered), "median": round(statistics.median(ordered), 1),
            "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 1), "max": round(ordered[-1], 1)}


def measure(files: int, quiet: int) -> dict[str, Any]:
    """Both runs; ``quiet`` strokes before the switch, and as many during it as the index takes to follow."""
    report: dict[str, Any] = {"files": files}
    during = 0
    for cross_file in (True, False):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(os.path.realpath(name))
            run = Run(folder, files, cross_file)
            for _ in range(5):
                run.stroke()
            before = [run.stroke() for _ in range(quiet)]
            switch, strokes, began = run.switch(), [run.stroke()], time.monotonic()
            expected = files - files // 10 + files // 20 + 1  # a tenth goes, some come, and the open document
            if cross_file:
                since = time.monotonic()
                while time.monotonic() < since + SETTLED:
                    strokes.append(run.stroke())
                    stands = run.stands()
                    if switch.poll() is None or stands["indexing"] or stands["files"] != expected:
                        since = time.monotonic()
                during = len(strokes)
            else:
                strokes += [run.stroke() for _ in range(during - 1)]
                switch.wait()
            key = "with" if cross_file else "without"
            report[key] = {"quiet": summary(before), "switch": summary(strokes), "peak_mib": run.memory(),
                           "seconds_of_switch": round(time.monotonic() - began, 1),
                           "chunk_rows": run.statistics()["chunkRows"]}
            if run.indexed is not None:
                report[key]["seconds_to_index"] = round(run.indexed, 1)
            if cross_file:
                report["differences"] = differences(run.root, folder / "cache" / "kvlsp" / "workspace",
                                                    folder / "fresh")
            run.client.close()
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--quiet", type=int, default=40)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.files, chosen.quiet), indent=2))
