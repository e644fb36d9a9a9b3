"""Nodes of a Ray cluster on one machine, and kvlsp's engine on them."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kvlsp.team.serving import NAME, PATIENCE, STORE

GRACE = 240.0


@contextmanager
def cluster(nodes: int, arguments: dict[str, Any]) -> Iterator[Served]:
    """The engine on so many nodes, with what ``arguments`` say (:class:`kvlsp.team.options.Options`)."""
    os.environ.update(PATIENCE)
    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    import ray
    from ray import serve
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=options)
    try:
        for _ in range(nodes - 1):
            made.add_node(num_cpus=1, object_store_memory=STORE)
        ray.init(address=made.address, log_to_driver=False, logging_level=logging.WARNING)
        served = Served(free_port())
        serve.start(http_options={"host": "127.0.0.1", "port": served.port}, proxy_location="HeadOnly")
        served.deploy(arguments)
        try:
            yield served
        finally:
            with contextlib.suppress(Exception):
                serve.shutdown()
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()
        made.shutdown()


class Served:
    """Where the engine is met; how it stands."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"ws://127.0.0.1:{port}/"

    def deploy(self, arguments: dict[str, Any]) -> None:
        from ray import serve

        from kvlsp.team.app import build

        serve.run(build(arguments), name=NAME, route_prefix="/")
        until = time.monotonic() + GRACE
        while len(self.replicas()) != int(arguments["replicas"]):
            assert time.monotonic() < until, serve.status()
            time.sleep(0.5)

    def replicas(self) -> list[int]:
        """The processes of those that serve."""
        from ray.serve.context import _get_global_client

        details: Any = _get_global_client().get_serve_details()
        found = details["applications"].get(NAME, {"deployments": {}})["deployments"]
        return [replica["pid"] for deployment in found.values() for replica in deployment["replicas"]
                if str(replica["state"]).endswith("RUNNING")]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
