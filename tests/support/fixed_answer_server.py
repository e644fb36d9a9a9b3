"""The real server with a fake engine, for tests and for measuring an editor's own share of the latency.

    python -m tests.support.fixed_answer_server [--fake-answer TEXT] [--delay MILLISECONDS] [--loads-until FILE]

Serves standard input and output; ``\\n`` in TEXT is a line break. The engine is put together once FILE is there, as one
is whose model takes long to load.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from kvlsp.config import Settings
from kvlsp.messages import Event
from kvlsp.server import logs
from kvlsp.server.server import EngineLike
from kvlsp.server.starting import StartingEngine
from kvlsp.server.transport import serve_stdio
from tests.support.fake_engine import FakeEngine


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fake-answer", default="pass")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--loads-until", type=Path)
    parser.add_argument("--stdio", action="store_true")
    chosen = parser.parse_args()
    text = chosen.fake_answer.replace("\\n", "\n")

    def make(settings: Settings, events: Callable[[Event], None]) -> FakeEngine:
        def later(event: Event) -> None:
            timer = threading.Timer(chosen.delay / 1000, events, (event,))
            timer.daemon = True
            timer.start()

        return FakeEngine(settings, later if chosen.delay else events, (text,))

    def slowly(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
        def build() -> FakeEngine:
            while not chosen.loads_until.exists():
                time.sleep(0.05)
            return make(settings, events)

        return StartingEngine(build, events)

    logs.configure("off")
    return serve_stdio(slowly if chosen.loads_until else make, Settings())


if __name__ == "__main__":
    sys.exit(main())
