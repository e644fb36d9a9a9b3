"""How a replica makes engines: its model is loaded before the first client comes, and stays."""

from __future__ import annotations

from collections.abc import Callable

from kvlsp.config import Settings
from kvlsp.host.thread import Prepared, prepare


def loaded(settings: Settings, prepare: Callable[[], Prepared] = prepare) -> Callable[[], Prepared]:
    """In place of :func:`kvlsp.host.thread.prepare`, with the model that the settings name."""

    def run() -> Prepared:
        prepared = prepare()
        model = prepared.model(settings, lambda fraction, text: None)
        prepared.model.hold()
        del model
        return prepared

    return run
