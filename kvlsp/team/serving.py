"""``kvlsp team serve``: Ray begun or joined, the engine deployed, and both ended when nobody wants them any more."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kvlsp.errors import ConfigurationError, EngineUnreachable
from kvlsp.team.joining import ADVICE, AUTHENTICATION, Listens, check_joined, has_token
from kvlsp.team.options import Options
from kvlsp.team.tokens import read

NAME: Final = "kvlsp"
LOCAL: Final = ("127.0.0.1", "localhost", "::1")
STORE: Final = 80 << 20
"""Bytes of Ray's object store, which carries nothing of ours."""
PATIENCE: Final = {
    "RAY_worker_niceness": "0",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "2",
    "RAY_SERVE_MAX_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "4",
}
"""Variables for Ray, unless the environment sets them. By default its workers come after everything else on a machine,
a proxy that has not started within five seconds is started again, and a client that comes back goes to another replica
if its own does not say within a tenth of a second how busy it is: all too hasty for a busy machine."""


@dataclass(frozen=True, slots=True)
class Where:
    """``address`` of a Ray cluster to join, "" to begin one on this machine; TLS needs both of its files. ``metrics``:
    the port for Prometheus of one that is begun here, 0 for any."""

    host: str = "127.0.0.1"
    port: int = 8000
    address: str = ""
    certificate: str = ""
    key: str = ""
    metrics: int = 0


def check(options: Options, where: Where) -> None:
    """:class:`ConfigurationError` for what should not be served."""
    if not options.tokens and where.host not in LOCAL:
        raise ConfigurationError("Without --tokens anybody who reaches the port could use the engine, so it listens on "
                                 "this machine only. To let others in, make tokens with kvlsp team token add.")
    if options.tokens:
        read(Path(options.tokens))
    if bool(where.certificate) != bool(where.key):
        raise ConfigurationError("TLS needs both --certificate and --key.")


def run(arguments: Mapping[str, Any], where: Where, say: Callable[[str], None]) -> None:
    """Until a signal comes."""
    check(Options.read(arguments), where)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    if where.address and has_token():
        os.environ.setdefault(AUTHENTICATION, "token")  # before Ray is imported; else it joins without
    try:
        import ray
        from ray import serve

        from kvlsp.team.app import build, listens
    except ImportError as error:
        raise ConfigurationError(f"A team's engine needs Ray Serve ({error.name} is missing): "
                                 'pip install "kvlsp[team]".') from error
    over = threading.Event()
    try:
        if where.address:
            ray.init(address=where.address, log_to_driver=False, logging_level=logging.WARNING)
        else:
            ray.init(include_dashboard=False, object_store_memory=STORE, log_to_driver=False,
                     logging_level=logging.WARNING, _metrics_export_port=where.metrics or None)
    except (ConnectionError, RuntimeError, ValueError) as error:
        what = f"joined: {error}. {ADVICE}" if where.address else f"started: {error}"
        raise EngineUnreachable(f"Ray could not be {what}") from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: over.set())
    try:
        tls = {"ssl_certfile": where.certificate, "ssl_keyfile": where.key} if where.certificate else {}
        serve.start(http_options={"host": where.host, "port": where.port, **tls}, proxy_location="EveryNode")
        if where.address:
            check_joined(NAME, Listens(where.host, where.port, bool(tls)), listens(), serve.status().applications)
        serve.run(build(arguments), name=NAME, route_prefix="/")
        scheme = "wss" if tls or where.host not in LOCAL else "ws"
        say(f"The engine is ready at {scheme}://{where.host}:{where.port}/.")
        over.wait()
        say("The engine is ending; editors are told to connect again.")
        serve.delete(NAME)
    finally:
        if not where.address:
            serve.shutdown()
        ray.shutdown()
