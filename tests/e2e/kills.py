"""A shared engine, or its daemons, killed at random moments while several people type.

    python -m tests.e2e.kills [--count 50] [--fronts 3] [--of engine|front] [--seed 7]

After every kill everybody goes on typing, gets a suggestion again, and has the text in the engine that the editor has.
At the end every request has had one answer, and nothing is left: no process, no lock, no socket. Exit code 1 otherwise.
Prints a line per kill on standard error and the sums as JSON on standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import time
from typing import Any

from tests.e2e.support.sharing import Sharing, alive, sharing

PATIENCE = 180.0
"""Seconds for a suggestion after a kill: an engine starts, and the machine may be busy."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--fronts", type=int, default=3)
    parser.add_argument("--of", choices=["engine", "front"], default="engine")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with sharing() as shared:
        sums = run(shared, arguments.of, arguments.count, arguments.fronts, random.Random(arguments.seed))
    print(json.dumps(sums, indent=2))
    return 1 if sums["problems"] else 0


def run(shared: Sharing, of: str, count: int, fronts: int, dice: random.Random) -> dict[str, Any]:
    """What came of it; ``problems`` is empty where all went well."""
    problems: list[str] = []
    killed: set[int] = set()
    back: list[float] = []
    unanswered = 0
    for number in range(fronts):
        shared.join(f"front{number}")
    for typist in shared.typists:
        typist.suggested(PATIENCE)
    for kill in range(count):
        until = time.monotonic() + dice.uniform(0.0, 1.5)
        while time.monotonic() < until:
            dice.choice(shared.typists).types(dice)
            time.sleep(dice.uniform(0.0, 0.03))
        if of == "engine":
            victim = shared.process()
        else:
            typist = shared.typists.pop(dice.randrange(len(shared.typists)))
            victim = typist.process
        if victim is None:
            problems.append(f"kill {kill}: there was no engine to kill")
            continue
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
        if of == "front":
            assert typist.client.process is not None
            typist.client.process.wait()
            shared.join(f"again{kill}")
        for _ in range(dice.randrange(12)):  # while there is none
            dice.choice(shared.typists).types(dice)
        for typist in shared.typists:
            back.append(typist.suggested(PATIENCE))
            if not typist.same_text() or not typist.in_engine():
                problems.append(f"kill {kill}: {typist.uri} differs")
        print(f"kill {kill}: process {victim}, suggestions after {max(back[-fronts:]):.1f} s", file=sys.stderr)
    [engine] = shared.engines()
    if engine["clients"] != fronts:
        problems.append(f"the engine serves {engine['clients']} clients, {fronts} are there")
    for typist in list(shared.typists):
        unanswered += typist.unanswered()
        shared.leave(typist)
    shared.stop()
    problems += [f"process {process} still runs" for process in (killed | {engine["process"]}) if alive(process)]
    # a killed daemon's socket for onlookers goes when somebody looks for daemons (kvlsp inspect)
    left = [name for name in shared.left_behind() if not str(name).startswith("editor-")]
    problems += [f"{name} was left behind" for name in left]
    if unanswered:
        problems.append(f"{unanswered} requests did not have one answer")
    return {"kills": count, "of": of, "fronts": fronts, "problems": problems, "unanswered": unanswered,
            "suggestionAfterSeconds": {"median": round(statistics.median(back), 2) if back else None,
                                       "most": round(max(back), 2) if back else None}}


if __name__ == "__main__":
    sys.exit(main())
