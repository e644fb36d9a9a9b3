"""An engine's address: where text may go, and where not without being told."""

from __future__ import annotations

import pytest

from kvlsp.address import Address
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError


@pytest.mark.parametrize(("text", "url", "host", "loopback"), [
    ("wss://kvlsp.example.org", "wss://kvlsp.example.org/", "kvlsp.example.org", False),
    ("wss://10.0.0.7:8443/team", "wss://10.0.0.7:8443/team", "10.0.0.7:8443", False),
    ("ws://127.0.0.1:8000/", "ws://127.0.0.1:8000/", "127.0.0.1:8000", True),
    ("ws://[::1]:8000", "ws://[::1]:8000/", "[::1]:8000", True),
    ("ws://localhost", "ws://localhost/", "localhost", True),
    ("insecure-ws://10.0.0.7", "ws://10.0.0.7/", "10.0.0.7", False),
])
def test_what_it_says(text, url, host, loopback):
    assert Address.read(text) == Address(text, url, host, loopback)
    assert Settings.read({"engine": text}).engine == text


@pytest.mark.parametrize(("text", "why"), [
    ("ws://10.0.0.7:8000/", "unencrypted to 10.0.0.7"),
    ("ws://127.0.0.1.example.org/", "unencrypted to 127.0.0.1.example.org"),
    ("ws://localhost.example.org/", "unencrypted to localhost.example.org"),
    ("http://10.0.0.7/", "Write it like wss://"),
    ("wss://", "Write it like wss://"),
    ("wss://host:port/", "Write it like wss://"),
    ("wss://a b/", "Write it like wss://"),
    ("wss://ada:secret@host/", "must not hold a user name"),
    ("wss://host/?token=secret", "must not hold a user name"),
])
def test_what_is_refused_and_why(text, why):
    with pytest.raises(ConfigurationError, match=why):
        Settings.read({"engine": text})
