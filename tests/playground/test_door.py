"""Who is let in: the page of this address, and nobody that a browser, another page or another program can bring."""

from __future__ import annotations

import pytest

from kvlsp.playground.door import Door

TOKEN = "a-token-of-enough-characters"
OWN = {"Host": "127.0.0.1:4711"}
PAGE = {**OWN, "Origin": "http://127.0.0.1:4711", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def door() -> Door:
    return Door(4711, TOKEN)


@pytest.mark.parametrize(("headers", "socket"), [
    (OWN, False), (PAGE, False), (PAGE, True), ({"Host": "localhost:4711"}, False),
    ({"Host": "localhost:4711", "Origin": "http://localhost:4711"}, True),
    ({**OWN, "Sec-Fetch-Site": "none"}, False),
])
def test_the_page_itself_comes_in(door, headers, socket):
    assert door.refusal("GET", f"/{TOKEN}/", headers, socket=socket) is None


@pytest.mark.parametrize(("headers", "status"), [
    ({}, 421),
    ({"Host": "127.0.0.1"}, 421),
    ({"Host": "127.0.0.1:4712"}, 421),
    ({"Host": "rebound.example:4711"}, 421),
    ({"Host": "127.0.0.1.example:4711"}, 421),
    ({**OWN, "Origin": "https://hostile.example"}, 403),
    ({**OWN, "Origin": "null"}, 403),
    ({**OWN, "Origin": "http://127.0.0.1:8000"}, 403),
    ({**OWN, "Origin": "https://127.0.0.1:4711"}, 403),
    ({**OWN, "Sec-Fetch-Site": "cross-site"}, 403),
    ({**OWN, "Sec-Fetch-Site": "same-site"}, 403),
])
def test_another_host_or_origin_is_turned_away_although_it_knows_the_token(door, headers, status):
    for socket in (False, True):
        refusal = door.refusal("GET", f"/{TOKEN}/lsp", headers, socket=socket)
        assert refusal is not None
        assert refusal[0] == status
        assert refusal[1].endswith(".")
        assert TOKEN not in refusal[1]


def test_a_socket_needs_an_origin(door):
    assert door.refusal("GET", f"/{TOKEN}/lsp", OWN, socket=True)[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_written(door, method):
    assert door.refusal(method, f"/{TOKEN}/document", PAGE, socket=False)[0] == 405


@pytest.mark.parametrize("path", ["/", "", "/lsp", "/wrong/", f"/{TOKEN[:-1]}/", f"/{TOKEN}x/", f"//{TOKEN}/",
                                  "/\udcff/"])
def test_without_the_token_there_is_nothing(door, path):
    assert door.refusal("GET", path, OWN, socket=False)[0] == 404


def test_each_address_has_a_secret_of_its_own():
    tokens = {Door(1).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 32


def test_the_policy_names_nothing_from_elsewhere(door):
    policy = door.policy("abc")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy.replace("ws://127.0.0.1:4711 ws://localhost:4711", "")
