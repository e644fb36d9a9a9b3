"""A model of the hub is asked about, fetched, and fetched further where it was broken off; failures are sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.support.decoders import tiny_llama
from tests.support.hub import Hub, serving

NAME, WEIGHTS = "owner/tiny", "model.safetensors"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "model"
    tiny_llama(2, dtype=torch.float32, vocab_size=220_000).save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"\0" * 1000)  # never fetched
    (folder / "README.md").write_text("---\nlicense: mit\n---\nA model.\n", encoding="utf-8")
    with serving(Hub({NAME: folder}, cardData={"license": "mit"})) as hub:
        yield hub


def kvlsp(tmp_path: Path, hub: Hub, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "kvlsp", "models", *arguments],
        env=environment,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_it_is_fetched_with_its_licence_named_and_then_it_is_here(tmp_path, hub):
    done = kvlsp(tmp_path, hub, "fetch", NAME)
    assert done.returncode == 0, done.stderr
    assert "licence mit" in done.stdout
    assert f"{NAME} is here." in done.stdout
    assert not any("pytorch_model" in path for _, path, _ in hub.requests)
    shown = kvlsp(tmp_path, hub, "--json")
    model = next(one for one in json.loads(shown.stdout)["models"] if one["name"] == NAME)
    assert (model["here"], model["where"], model["licence"], model["problem"]) == (True, "hub cache", "mit", "")
    assert model["diskBytes"] == (tmp_path / "model" / WEIGHTS).stat().st_size
    assert model["keyMs"] > 0


def test_broken_off_it_goes_on_where_it_was_in_another_process(tmp_path, hub):
    hub.breaks_after, hub.then_refuses = 12 << 20, 500
    first = kvlsp(tmp_path, hub, "fetch", NAME)
    assert first.returncode == 2
    assert "Try again later." in first.stderr
    hub.refuses, before = 0, len(hub.requests)
    again = kvlsp(tmp_path, hub, "fetch", NAME)
    assert again.returncode == 0, again.stderr
    wanted = [wanted for method, path, wanted in hub.requests[before:] if method == "GET" and path.endswith(WEIGHTS)]
    assert wanted == ["bytes=10485760-"], "what the client had written down: whole pieces of 10 MiB"
    fetched = next((tmp_path / "hf").rglob(f"snapshots/*/{WEIGHTS}"))
    assert fetched.read_bytes() == (tmp_path / "model" / WEIGHTS).read_bytes()
    assert not list((tmp_path / "hf").rglob("*.part"))


def test_halves_that_do_not_belong_together_are_thrown_away(tmp_path, hub):
    hub.breaks_after, hub.then_refuses = 12 << 20, 500
    kvlsp(tmp_path, hub, "fetch", NAME)
    hub.refuses = 0
    (part,) = (tmp_path / "hf").rglob("*.part")
    part.write_bytes(bytes(part.stat().st_size))
    again = kvlsp(tmp_path, hub, "fetch", NAME)
    assert "arrived damaged. Try again" in again.stderr
    assert kvlsp(tmp_path, hub, "fetch", NAME).returncode == 0


def test_more_than_there_can_be_of_a_file_is_thrown_away(tmp_path, hub):
    hub.breaks_after, hub.then_refuses = 12 << 20, 500
    kvlsp(tmp_path, hub, "fetch", NAME)
    hub.refuses = 0
    (part,) = (tmp_path / "hf").rglob("*.part")
    part.write_bytes(bytes((tmp_path / "model" / WEIGHTS).stat().st_size + 1))
    again = kvlsp(tmp_path, hub, "fetch", NAME)
    assert again.returncode == 0, again.stderr
    fetched = next((tmp_path / "hf").rglob(f"snapshots/*/{WEIGHTS}"))
    assert fetched.read_bytes() == (tmp_path / "model" / WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("name", "refuses", "says"),
    [
        ("owner/other", 0, "The hub has no model owner/other."),
        ("./folder", 0, "is not the name of a model on the hub"),
        ("plain", 0, "is not the name of a model on the hub"),
        (NAME, 403, "accept its terms"),
        (NAME, 500, "could not be fetched"),
    ],
)
def test_failures_in_sentences(tmp_path, hub, name, refuses, says):
    hub.refuses = refuses
    done = kvlsp(tmp_path, hub, "fetch", name)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_cannot_be_used_is_said_to_be_after_it_came(tmp_path, hub):
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"model_type": "llama"', '"model_type": "bloom", "alibi": true'))
    done = kvlsp(tmp_path, hub, "fetch", NAME)
    assert done.returncode == 2
    assert f"{NAME} was fetched, but cannot be used: " in done.stderr
