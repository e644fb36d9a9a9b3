"""What must hold in a Ray cluster that is running already before an engine can be served in it; checked first."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kvlsp.errors import ConfigurationError

AUTHENTICATION: Final = "RAY_AUTH_MODE"
"""The variable that says how Ray authenticates; it is read when Ray is imported."""
TOKENS: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
ADVICE: Final = ("If it asks for Ray's own token, this machine needs the one of the cluster's first machine: copy "
                 "~/.ray/auth_token from there, or set RAY_AUTH_TOKEN.")


@dataclass(frozen=True, slots=True)
class Listens:
    """Where Ray Serve listens, and whether it ends TLS there."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{self.host}:{self.port} {'with' if self.tls else 'without'} TLS"


def has_token(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether there is a token of Ray's on this machine: where there is one ``ray start`` begins a cluster that asks
    for it, but whoever joins does not send it by themselves."""
    return any(environment.get(name) for name in TOKENS) or Path("~/.ray/auth_token").expanduser().is_file()


def check_joined(name: str, wanted: Listens, found: Listens, applications: Collection[str]) -> None:
    """:class:`ConfigurationError` if the application ``name`` could not be reached as ``wanted``, or would replace one
    that is there: Serve listens at one place in a cluster, whatever is asked for later."""
    if wanted != found:
        raise ConfigurationError(f"In this cluster Ray Serve listens already, at {found}, and can listen nowhere else; "
                                 f"you asked for {wanted}. Give --host, --port, --certificate and --key as they are "
                                 "there, or end what is served there with serve shutdown.")
    if name in applications:
        raise ConfigurationError(f"This cluster serves an engine already (the application {name}). Change it with "
                                 f"serve deploy, or end it with serve delete {name}.")
