"""A user without a home is served all the same; what cannot be kept is said."""

from __future__ import annotations

import os
import sys

import pytest

from kvlsp.cli.home import provide_home

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="homes are found otherwise there")


def nobody(number: int) -> None:
    raise KeyError(number)


@pytest.mark.parametrize("known", [None, "", "relative"])
def test_no_account_and_no_home(known, monkeypatch):
    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", known or "")
    if known is None:
        monkeypatch.delenv("HOME")
    assert provide_home()
    assert provide_home(), "asked again, it is still none"
    with pytest.raises(OSError):
        os.makedirs(os.path.expanduser("~/.cache/kvlsp"))


def test_a_cache_folder_is_enough(monkeypatch, tmp_path):
    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setenv("HOME", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not provide_home()


def test_a_home_stays_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not provide_home()
    assert os.environ["HOME"] == str(tmp_path)


def test_an_account_without_the_variable(monkeypatch):
    monkeypatch.setenv("HOME", "")
    assert not provide_home()
    assert os.path.isabs(os.environ["HOME"])
