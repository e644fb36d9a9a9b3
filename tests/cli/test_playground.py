"""``kvlsp playground``: what the daemon of a page is started with."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.cli import main, playground


def test_what_is_typed_in_the_page_is_not_kept_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("kvlsp.cli.serve.run", lambda settings, **_: told.append(settings))
    with pytest.raises(SystemExit) as ended:
        main(playground.daemon_arguments(model="/a/model", device="cpu", dtype="float32", threads=2))
    (settings,) = told
    assert ended.value.code == 0
    assert settings.disk_mib == 0
    assert (settings.model, settings.device, settings.dtype, settings.threads) == ("/a/model", "cpu", "float32", 2)
