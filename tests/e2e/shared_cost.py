"""What a shared engine costs and saves, against each editor's own, in one run.

    python -m tests.e2e.shared_cost [--rounds 100] [--editors 3]

From a key to its answer over the protocol, both arrangements in turn: where the model works (a character typed in a
real file, a request at it), and where it does not (a question for the engine's statistics), which is the way alone.
Then the memory of all processes of one, two, ... editors, what they share counted once (the sum of PSS), each with a
document open and a suggestion had, and how long a joining editor waits for its first suggestion; and the way from a key
to its answer once more, in the first editor while the others rest. JSON on standard output.
"""

from __future__ import annotations

import argparse
import heapq
import inspect
import json
import re
import statistics
import sys
import time
from typing import Any

from tests.e2e.support.process import use_of
from tests.e2e.support.sharing import Sharing, Typist, sharing
from tests.support.lsp_client import edit

SOURCE = inspect.getsource(heapq)
PATIENCE = 180.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--editors", type=int, default=3)
    arguments = parser.parse_args()
    with sharing(engine="own") as own, sharing(engine="shared") as shared:
        found: dict[str, Any] = {"latencyMs": latency(own.join("a"), shared.join("a"), arguments.rounds)}
        found["own"] = [costs(own, own.typists[0], None)]
        found["shared"] = [costs(shared, shared.typists[0], None)]
        for number in range(2, arguments.editors + 1):
            for where, kind in ((own, "own"), (shared, "shared")):
                began = time.monotonic()
                found[kind].append(costs(where, where.join(f"b{number}"), began))
        found["latencyMsWhileOthersRest"] = latency(own.typists[0], shared.typists[0], arguments.rounds, begins=False)
    print(json.dumps(found, indent=2))
    return 0


def latency(own: Typist, shared: Typist, rounds: int, *, begins: bool = True) -> dict[str, Any]:
    """Medians, and of the differences within a round. ``begins``: the two have to open their document first."""
    both = {"own": own, "shared": shared}
    lines = SOURCE.split("\n")
    places = [(row, match.end()) for row, line in enumerate(lines) for match in [re.search(r"(= |\(|return )\w", line)]
              if match is not None]
    for typist in both.values() if begins else ():
        typist.suggested(PATIENCE)
        typist.client.open("file:///heapq.py", SOURCE)
        typist.uri = "file:///heapq.py"
        first = typist.client.answer_to(typist.client.complete(typist.uri, *places[0], 1))
        assert "error" not in first
    time.sleep(5.0)
    times: dict[str, dict[str, list[float]]] = {kind: {"model": [], "way": []} for kind in both}
    for number in range(rounds):
        row, column = places[number % len(places)]
        for kind in sorted(both, reverse=bool(number % 2)):
            client = both[kind].client
            client.change(both[kind].uri, edit(row, column, column, "x"))
            began = time.perf_counter()
            client.answer_to(client.complete(both[kind].uri, row, column + 1, 2))
            times[kind]["model"].append(1000 * (time.perf_counter() - began))
            time.sleep(0.3)
            began = time.perf_counter()
            client.ask("kvlsp/statistics", {})
            times[kind]["way"].append(1000 * (time.perf_counter() - began))
            client.change(both[kind].uri, edit(row, column, column + 1, ""))
            time.sleep(0.3)
    found: dict[str, Any] = {}
    for what in ("model", "way"):
        pairs = zip(times["own"][what], times["shared"][what], strict=True)
        found[what] = {kind: round(statistics.median(times[kind][what]), 2) for kind in both}
        found[what]["sharedToOwn"] = round(found[what]["shared"] / found[what]["own"], 2)
        found[what]["medianOfDifferences"] = round(statistics.median(two - one for one, two in pairs), 2)
    return found


def costs(where: Sharing, joined: Typist, began: float | None) -> dict[str, Any]:
    """With ``joined`` as the newest editor, begun at ``began``."""
    if began is not None:
        joined.suggested(PATIENCE)
    first = None if began is None else round(time.monotonic() - began, 2)
    processes = [typist.process for typist in where.typists]
    engine = where.process()
    if engine is not None:
        processes.append(engine)
    return {"editors": len(where.typists), "processes": len(processes), "secondsToFirstSuggestion": first,
            "mib": round(sum(use_of(process).own_mib for process in processes))}


if __name__ == "__main__":
    sys.exit(main())
