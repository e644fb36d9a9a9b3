"""The replica of :mod:`kvlsp.team.replica` as a deployment of Ray Serve; what Ray does is not done again here.

    serve run kvlsp.team.app:build tokens=/etc/kvlsp/tokens.json replicas=2
    build({"tokens": "/etc/kvlsp/tokens.json", "replicas": "2"})

A client's name is the id of a multiplexed model: Serve routes whoever comes again to the replica that has served it.
One WebSocket stays where it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ray import serve
from ray.serve.metrics import Counter, Gauge, Histogram

from kvlsp.config import Settings
from kvlsp.host.process import SWITCH
from kvlsp.team.joining import Listens
from kvlsp.team.loaded import loaded
from kvlsp.team.options import Options
from kvlsp.team.replica import Replica
from kvlsp.team.session import Receive, Send
from kvlsp.team.tokens import Tokens

MOST_KNOWN: Final = 4096
"""Clients of which a replica knows that they have been there."""
LOOK: Final = 1.0
"""Seconds between two looks whether this replica shall end."""
DRAINING: Final = 20.0
"""Seconds in which the clients of a replica that shall end go elsewhere."""
BOUNDARIES: Final = [10, 20, 50, 100, 200, 300, 400, 600, 800, 1000, 2000, 5000]
"""Milliseconds."""


class Door:
    """The ASGI application in front of the deployment's instance in this process."""

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await serve.get_replica_context().servable_object.serve_client(scope, receive, send)
            return
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


class RayMetrics:
    """As Ray exports them: to Prometheus."""

    def __init__(self) -> None:
        self._sessions = Gauge("kvlsp_sessions", description="Editors that are connected.")
        self._answers = Histogram("kvlsp_answer_ms", description="From a request to its answer, in milliseconds.",
                                  boundaries=BOUNDARIES, tag_keys=("offered",))
        self._limited = Counter("kvlsp_limited", description="Requests beyond the limit of a token.")

    def sessions(self, count: int) -> None:
        self._sessions.set(count)

    def answered(self, seconds: float, offered: bool) -> None:
        self._answers.observe(1000 * seconds, tags={"offered": "yes" if offered else "no"})

    def limited(self) -> None:
        self._limited.inc()


@serve.ingress(Door())
class Engine:
    """One replica: one model, one thread that runs it."""

    def __init__(self, settings: Mapping[str, Any], tokens: str) -> None:
        sys.setswitchinterval(SWITCH)
        _log()
        chosen = Settings.read(settings)
        self._replica = Replica(chosen, Tokens(Path(tokens)) if tokens else None, loaded(chosen), RayMetrics())
        self._replica.wait()
        self._name = serve.get_replica_context().replica_tag
        self._looking: asyncio.Task[None] | None = None

    @serve.multiplexed(max_num_models_per_replica=MOST_KNOWN)  # type: ignore[untyped-decorator]
    async def known(self, client: str) -> str:
        """Remember a client that has been here."""
        return client

    async def serve_client(self, scope: Any, receive: Receive, send: Send) -> None:
        self._looking = self._looking or asyncio.get_running_loop().create_task(self._look())
        client = serve.get_multiplexed_model_id()
        if client:
            await self.known(client)
        await self._replica(scope, receive, send)

    def check_health(self) -> None:
        self._replica.check()

    async def _look(self) -> None:
        """Serve waits for the clients of a replica that shall end, and does not tell it. A WebSocket would go on for
        ever, so it is sent elsewhere."""
        while True:
            await asyncio.sleep(LOOK)
            if await asyncio.get_running_loop().run_in_executor(None, _ends, self._name):
                await self._replica.part()  # and whoever was on the way here meanwhile, when it looks again


def _ends(name: str) -> bool:
    """Whether the controller is about to end this replica. Where it does not say, the client's connection is cut in
    the end, and it comes again all the same."""
    from ray.serve.context import _get_global_client
    with contextlib.suppress(Exception):
        details: Any = _get_global_client().get_serve_details()
        for application in details["applications"].values():
            for deployment in application["deployments"].values():
                for replica in deployment["replicas"]:
                    if replica["replica_id"] == name:
                        return str(replica["state"]).endswith("STOPPING")
    return False


def listens() -> Listens:
    """Where Serve listens in this cluster, whoever began it."""
    from ray.serve.context import _get_global_client

    client: Any = _get_global_client()
    options = client.http_config
    return Listens(options.host, options.port, bool(options.ssl_certfile))


def _log() -> None:
    """Warnings, and a line for each session, on this process's standard error; Ray keeps it in its folder of logs."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    house = logging.getLogger("kvlsp")
    house.handlers, house.propagate = [handler], False
    house.setLevel(logging.WARNING)
    logging.getLogger("kvlsp.audit").setLevel(logging.INFO)


def build(arguments: Mapping[str, Any]) -> serve.Application:
    """For ``serve run``, ``serve deploy`` and ``kvlsp team serve``; :class:`Options` says what ``arguments`` may be."""
    options = Options.read(arguments)
    scale: dict[str, Any] = {"num_replicas": options.least}
    if options.most > options.least:
        scale = {"autoscaling_config": {
            "min_replicas": options.least, "max_replicas": options.most,
            "target_ongoing_requests": max(1, options.clients // 2)}}
    deployment = serve.deployment(Engine, name="engine").options(
        **scale, max_ongoing_requests=options.clients, graceful_shutdown_timeout_s=DRAINING,
        graceful_shutdown_wait_loop_s=0.5, health_check_period_s=5, health_check_timeout_s=30,
        ray_actor_options={"num_cpus": options.cpus, "num_gpus": options.gpus})
    return deployment.bind(options.settings, options.tokens)
