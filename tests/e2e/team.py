"""A team's engine on a Ray cluster of this machine, with a crowd that types recorded sessions at it.

    python -m tests.e2e.team [--nodes 3] [--fronts 40] [--pause 2.0]
    python -m tests.e2e.team --table 1,2,4,8 --nodes 1        # completions a second by number of editors

Shows that each editor comes again to its replica; that after a kill -9 of one replica its editors have suggestions
again, no error is shown and nobody else moves; that all are drained without an error when another version is
deployed; what who has no good token reads; and that no text of one is offered to another. Exit code 1 where one of
these does not hold. Needs kvlsp[team] and the recordings in ../shared. Prints JSON.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from kvlsp.remote.engine import STEADY
from kvlsp.team.tokens import Grant, digest, write
from tests.e2e.support.crowd import Front, crowd
from tests.e2e.support.ray_cluster import Served, cluster

TOKEN, OLD, SMALL = "kvlsp-everybody", "kvlsp-old", "kvlsp-small"
PATIENCE = 120.0
P95 = 0.6
"""Seconds within which 95 of 100 completions shall be there."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--fronts", type=int, default=40)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two keys of one editor")
    parser.add_argument("--table", default="", help="numbers of editors, with commas: measure instead of show")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each row of the table")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.json"
        far = datetime.date(2999, 1, 1)
        write(tokens, [Grant("everybody", digest(TOKEN), far, sessions=512, requests_per_minute=10**6),
                       Grant("old", digest(OLD), datetime.date(2020, 1, 1)),
                       Grant("small", digest(SMALL), far, requests_per_minute=1)])
        options = {"replicas": str(arguments.nodes), "tokens": str(tokens), "threads": arguments.threads, "cpus": 1}
        with cluster(arguments.nodes, options) as served:
            say(f"{arguments.nodes} replicas serve at {served.url}")
            if arguments.table:
                rows = table(served, [int(word) for word in arguments.table.split(",")], arguments.pause,
                             arguments.seconds)
                print(json.dumps({"pauseSeconds": arguments.pause, "rows": rows}, indent=2))
                return 0
            shown = show(served, options, arguments.fronts, arguments.pause)
    print(json.dumps(shown, indent=2))
    return 1 if shown["problems"] else 0


def show(served: Served, options: dict[str, Any], number: int, pause: float) -> dict[str, Any]:
    fronts = crowd(number, served.url, TOKEN)
    problems: list[str] = []
    sums: dict[str, Any] = {"fronts": number, "problems": problems}
    try:
        for front in fronts:
            front.start()
        sums["firstAnswerSeconds"] = spread([front.suggested(PATIENCE) for front in fronts])
        sums["frontsByReplica"] = sorted(Counter(front.way.processes[-1] for front in fronts).values())
        typing(fronts, pause, 15.0)
        say("all type")
        sums["sticky"] = sticky(fronts, problems)
        say(f"sticky: {sums['sticky']}")
        typing(fronts, pause, STEADY + 2.0)  # so that being cut off before is forgotten
        sums["kill"] = kill(served, fronts, pause, problems)
        say(f"kill: {sums['kill']}")
        sums["drain"] = drain(served, options, fronts, pause, problems)
        say(f"drain: {sums['drain']}")
        sums["sentences"] = sentences(served, problems)
        sums["answers"] = sum(len(front.latencies) for front in fronts)
        sums["reasons"] = sum((front.reasons for front in fronts), Counter())
        sums["offered"] = sum(offered for front in fronts for _, offered in front.latencies)
        sums["errorsShown"] = [error for front in fronts for error in front.errors]
        problems += [f"shown: {error}" for error in sums["errorsShown"]]
        problems += [f"the text of {front.number} differs" for front in fronts if not front.same_text()]
        problems += [f"{one.number} was offered what {other.number} has" for one in fronts for other in fronts
                     if one is not other and other.marker in one.offered]
    finally:
        for front in fronts:
            front.engine.stop(0.1)
    return sums


def sticky(fronts: Sequence[Front], problems: list[str], times: int = 3) -> dict[str, int]:
    """Every connection is cut, so many times, while nothing else happens."""
    moved = 0
    for _ in range(times):
        before = {front.number: front.way.processes[-1] for front in fronts}
        counts = {front.number: len(front.way.processes) for front in fronts}
        for front in fronts:
            front.way.cut()
        for front in fronts:
            _until(partial(_connected, front, counts[front.number]))
            if front.suggested(PATIENCE) == float("inf"):
                problems.append(f"{front.number} has no suggestions after it was cut off")
            moved += front.way.processes[-1] != before[front.number]
    if moved:
        problems.append(f"{moved} came to another replica")
    return {"connections": times * len(fronts), "moved": moved}


def kill(served: Served, fronts: Sequence[Front], pause: float, problems: list[str]) -> dict[str, Any]:
    """A replica dies under typing."""
    at = {front.number: front.way.processes[-1] for front in fronts}
    connections = {front.number: len(front.way.processes) for front in fronts}
    [(victim, _)] = Counter(at.values()).most_common(1)
    theirs = [front for front in fronts if at[front.number] == victim]
    os.kill(victim, signal.SIGKILL)
    begun = time.monotonic()
    for front in theirs:
        front.type()
    with ThreadPoolExecutor(len(theirs)) as at_once:
        back = list(at_once.map(lambda front: front.suggested(PATIENCE), theirs))
    typing(fronts, pause, 12.0)
    others = [front for front in fronts if front not in theirs]
    moved = [front.number for front in others if len(front.way.processes) != connections[front.number]]
    if moved:
        problems.append(f"{moved} of other replicas connected again")
    if max(back) >= PATIENCE:
        problems.append("not all had suggestions again")
    until = time.monotonic() + PATIENCE
    while len(served.replicas()) < len(set(at.values())) and time.monotonic() < until:
        time.sleep(0.5)
    return {"clients": len(theirs), "suggestionAfterSeconds": spread(back), "othersThatMoved": len(moved),
            "replicasAgainAfterSeconds": round(time.monotonic() - begun, 1), "replicas": len(served.replicas())}


def drain(served: Served, options: dict[str, Any], fronts: Sequence[Front], pause: float,
          problems: list[str]) -> dict[str, Any]:
    """Another version is deployed under typing: every replica is taken away, one after the other."""
    errors = sum(len(front.errors) for front in fronts)
    old, begun = set(served.replicas()), time.monotonic()
    deployed = threading.Thread(target=served.deploy, args=(options,))
    deployed.start()
    while deployed.is_alive():
        typing(fronts, pause, 1.0)
    typing(fronts, pause, 6.0)
    back = [front.suggested(PATIENCE) for front in fronts]
    if sum(len(front.errors) for front in fronts) > errors:
        problems.append("an error was shown while replicas were drained")
    if back and max(back) >= PATIENCE:
        problems.append("not all had suggestions after replicas were drained")
    if left := old & set(served.replicas()):
        problems.append(f"{len(left)} replicas were not replaced")
    return {"replicas": len(old), "clients": len(fronts), "seconds": round(time.monotonic() - begun, 1)}


def sentences(served: Served, problems: list[str]) -> dict[str, str]:
    """What who may not use the engine, or not so much, reads."""
    found = {}
    for name, token, kind in (("none", "", "error"), ("wrong", "kvlsp-wrong", "error"), ("expired", OLD, "error"),
                              ("beyond its limit", SMALL, "paused")):
        [front] = crowd(1, served.url, token)
        front.start()
        if kind == "paused":
            front.suggested(PATIENCE)
            front.ask()
        told = front.wait(lambda event, k=kind: getattr(event, "kind", "") == k, PATIENCE)  # type: ignore[misc]
        front.engine.stop(0.1)
        found[name] = told.message if told is not None else ""
        if told is None:
            problems.append(f"a token: {name}: no sentence")
    return found


def table(served: Served, numbers: Sequence[int], pause: float, seconds: float) -> list[dict[str, Any]]:
    rows = []
    for number in numbers:
        fronts = crowd(number, served.url, TOKEN)
        try:
            for front in fronts:
                front.start()
            for front in fronts:
                front.suggested(PATIENCE)
            time.sleep(1.0)
            for front in fronts:
                front.latencies.clear()
            before = processor(served)
            typing(fronts, pause, seconds)
            spent = processor(served) - before
            took = sorted(latency for front in fronts for latency, _ in front.latencies)
            p95 = took[int(0.95 * (len(took) - 1))] if took else float("inf")
            rows.append({"fronts": number, "answersPerSecond": round(len(took) / seconds, 2),
                         "processorShare": round(spent / seconds, 2),
                         "processorMsPerAnswer": round(1000 * spent / len(took)) if took else None,
                         "offeredPerSecond": round(sum(o for f in fronts for _, o in f.latencies) / seconds, 2),
                         "medianMs": round(1000 * statistics.median(took)) if took else None,
                         "p95Ms": round(1000 * p95), "within": p95 <= P95})
            say(str(rows[-1]))
        finally:
            for front in fronts:
                front.engine.stop(0.1)
        time.sleep(2.0)
    return rows


def processor(served: Served) -> float:
    """Seconds of processor that the replicas have had."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in served.replicas())
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def typing(fronts: Sequence[Front], pause: float, seconds: float) -> None:
    """Everybody types and asks, each a key every ``pause`` seconds, evenly spread."""
    begun = time.monotonic()
    turn = 0
    while (now := time.monotonic()) < begun + seconds:
        due = begun + turn * pause / len(fronts)
        if due > now:
            time.sleep(due - now)
        front = fronts[turn % len(fronts)]
        front.type()
        front.ask()
        turn += 1


def _connected(front: Front, more_than: int) -> bool:
    return len(front.way.processes) > more_than


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "most": round(max(values), 2)}


def _until(holds: Callable[[], bool], patience: float = PATIENCE) -> None:
    until = time.monotonic() + patience
    while not holds() and time.monotonic() < until:
        time.sleep(0.02)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
