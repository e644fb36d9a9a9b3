"""A team's engine in earnest: Ray Serve, TLS, a token, and a daemon that can import nothing that runs a model."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_serve import daemon
from tests.e2e.support.crowd import TRACES
from tests.support.lsp_client import python_module

SOURCE = "def add(left, right):\n    return left + right\n\n\ndef subtract(left, right):\n    return "
PATIENCE = 240.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[str, Path, Path]]:
    """Its address, its certificate, its file of tokens."""
    pytest.importorskip("ray.serve")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    from tests.e2e.support.ray_cluster import free_port

    port, tokens, said = free_port(), tmp_path / "tokens.json", tmp_path / "said"
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    for user, days in (("ada", "1"), ("old", "0")):
        made = subprocess.run(python_module("kvlsp", "team", "token", "add", user, "--days", days, "--tokens",
                                            str(tokens)), check=True, capture_output=True, text=True)
        (tmp_path / user).write_text(made.stdout.strip())
    with open(said, "wb") as output:
        process = subprocess.Popen(
            python_module("kvlsp", "team", "serve", "--tokens", str(tokens), "--port", str(port), "--threads", "1",
                          "--certificate", str(certificate), "--key", str(key)),
            stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"})
    try:
        until = time.monotonic() + PATIENCE
        while "is ready at wss://" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.5)
        yield f"wss://127.0.0.1:{port}/", certificate, tmp_path
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
    assert process.returncode == 0
    assert "add(" not in said.read_text()


def test_a_daemon_completes_at_a_teams_engine_and_imports_nothing_of_it(engine):
    url, certificate, folder = engine
    environment = {"SSL_CERT_FILE": str(certificate), "KVLSP_ENGINE_TOKEN": (folder / "ada").read_text()}
    client = daemon("raise ImportError(name)", engine=url, environment=environment)
    client.initialize({"deadlineMs": 20_000, "invokedDeadlineMs": 60_000, "status": True})
    client.open("file:///a.py", SOURCE)
    client.notification("kvlsp/status", lambda status: status["kind"] == "ready")
    [item, *_] = client.answer_to(client.complete("file:///a.py", 5, 11, 1))["result"]
    assert item["insertText"].strip()
    assert client.state("file:///a.py")["tokens"]
    assert client.close() == 0

    client = daemon("raise ImportError(name)", engine=url, environment={**environment, "KVLSP_ENGINE_TOKEN": "wrong"})
    client.initialize({"status": True})
    told = client.notification("kvlsp/status", lambda status: status["kind"] == "error")
    assert "does not know the token" in told["message"]
    assert client.close() == 0

    client = daemon("raise ImportError(name)", engine=url, environment={"KVLSP_ENGINE_TOKEN": "any"})
    client.initialize({"status": True})
    told = client.notification("kvlsp/status", lambda status: status["kind"] == "error")
    assert "certificate that this machine does not trust" in told["message"]
    assert client.close() == 0


@pytest.mark.skipif(not TRACES.is_dir(), reason="the recordings are not here")
def test_a_crowd_on_two_nodes_with_a_kill_and_a_drain():
    pytest.importorskip("ray.serve")
    done = subprocess.run([sys.executable, "-m", "tests.e2e.team", "--nodes", "2", "--fronts", "6", "--pause", "2"],
                          capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
