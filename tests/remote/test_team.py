"""The way to a team's engine: what of a daemon goes there, and from where its token comes."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from websockets.server import ServerProtocol

from kvlsp.address import Address
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError, EngineUnreachable
from kvlsp.remote import websocket
from kvlsp.remote.team import OfTheTeam, token_for
from kvlsp.wire.frames import FROM_ENGINE

HERE = Address.read("ws://127.0.0.1:8000/")
ELSEWHERE = Address.read("wss://kvlsp.example.org/")


def test_a_token_is_the_environments_or_the_files_for_this_address(tmp_path):
    file = tmp_path / "engine-tokens"
    assert token_for(HERE, {}, file) == ""
    file.write_text(f"{ELSEWHERE.text} kvlsp-there\n\n{HERE.text} kvlsp-here\n")
    file.chmod(0o600)
    assert token_for(HERE, {}, file) == "kvlsp-here"
    assert token_for(ELSEWHERE, {}, file) == "kvlsp-there"
    assert token_for(Address.read("wss://another.example.org/"), {}, file) == ""
    assert token_for(HERE, {"KVLSP_ENGINE_TOKEN": " kvlsp-chosen\n"}, file) == "kvlsp-chosen"


def test_a_token_that_others_can_read_is_not_used(tmp_path):
    file = tmp_path / "engine-tokens"
    file.write_text(f"{HERE.text} kvlsp-here\n")
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        token_for(HERE, {}, file)


def test_a_token_with_a_line_end_in_it_makes_no_header():
    with pytest.raises(ConfigurationError, match="characters that no token has") as told:
        token_for(HERE, {"KVLSP_ENGINE_TOKEN": "kvlsp-a\r\nb: c"})
    assert "kvlsp-a" not in str(told.value)


def test_what_says_something_of_this_machine_stays_here():
    settings = Settings(model="/home/ada/model", exclude=("secret/",), disabled_files=("*.key",), engine=HERE.text,
                        threads=3, cache_mib=100, max_lines=3)
    assert OfTheTeam(HERE).settings(settings) == Settings(max_lines=3)


def test_an_engine_that_is_not_there_is_told_by_its_host():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = Address.read(f"ws://127.0.0.1:{free.getsockname()[1]}/")
        with pytest.raises(EngineUnreachable, match=rf"The engine at {address.host} cannot be reached"):
            OfTheTeam(address, lambda _: "").link(Settings(), threading.Event(), time.monotonic)


def test_a_connection_that_takes_nothing_any_more_comes_to_its_end(monkeypatch):
    """Else who has given it up would never try another."""
    monkeypatch.setattr(websocket, "_CLOSING", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = Address.read(f"ws://127.0.0.1:{listener.getsockname()[1]}/")
        taken: list[socket.socket] = []

        def shake_hands_and_stand_still() -> None:
            connection, _ = listener.accept()
            taken.append(connection)
            protocol = ServerProtocol()
            while not (events := protocol.events_received()):
                protocol.receive_data(connection.recv(1 << 16))
            protocol.send_response(protocol.accept(events[0]))
            connection.sendall(b"".join(protocol.data_to_send()))

        threading.Thread(target=shake_hands_and_stand_still, daemon=True).start()
        line = websocket.reach(address, {})
        over = threading.Event()

        def listen() -> None:
            with suppress(EOFError):
                line.read(FROM_ENGINE, None)
            over.set()

        threading.Thread(target=listen, daemon=True).start()
        line.write(b"x" * (64 << 20))
        time.sleep(0.2)  # until the system's own buffers are full
        waiting = line.waiting
        line.hang_up()
        ended = over.wait(10)
        taken[0].close()
        assert ended
        assert 32 << 20 < waiting <= 64 << 20


def test_the_way_is_light():
    heavy = ("ray", "torch", "transformers", "starlette", "fastapi", "numpy", "typer")
    code = f"import sys, kvlsp.remote.team\nprint(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
