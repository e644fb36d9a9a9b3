from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.training.fetch import archive_of, fetch
from kvlsp.laboratory.training.packages import Named, read_list

LISTS = [Named("pypi", ("alpha", "gone"), ("held",)), Named("npm", ("@one/alpha",), ())]


class Registry:
    """Clients that write an archive for every name but `gone`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def client(self, ending: str):
        def get(name: str, place: Path) -> None:
            self.asked.append(name)
            if name == "gone":
                raise subprocess.CalledProcessError(1, ["client"])
            (place / f"archive-1.0{ending}").write_text("archive", encoding="utf-8")

        return get

    @property
    def clients(self):
        return {"pypi": self.client(".whl"), "npm": self.client(".tgz")}


def test_each_name_is_asked_for_once(tmp_path: Path):
    registry = Registry()
    assert list(fetch(LISTS, tmp_path, registry.clients)) == [
        ("pypi", "held", "fetched"),
        ("pypi", "alpha", "fetched"),
        ("pypi", "gone", "refused"),
        ("npm", "@one/alpha", "fetched"),
    ]
    assert [result for _, _, result in fetch(LISTS, tmp_path, registry.clients)] == [
        "there", "there", "refused before", "there",
    ]  # fmt: skip
    assert sorted(registry.asked) == sorted(["held", "alpha", "gone", "@one/alpha"])
    found = archive_of(tmp_path, "npm", "@one/alpha")
    assert found is not None
    assert found.suffix == ".tgz"
    assert archive_of(tmp_path, "pypi", "gone") is None


def test_a_fetch_that_was_cut_off_is_begun_again(tmp_path: Path):
    (tmp_path / "pypi" / "alpha.part").mkdir(parents=True)
    (tmp_path / "pypi" / "alpha.part" / "half.whl").write_text("half", encoding="utf-8")
    list(fetch(LISTS, tmp_path, Registry().clients))
    assert [path.name for path in (tmp_path / "pypi" / "alpha").iterdir()] == ["archive-1.0.whl"]


def test_the_list_of_the_default_model():
    python, javascript = read_list()
    for named in (python, javascript):
        assert len(set(named.packages)) == len(named.packages) > 200
        assert not set(named.held_out) & set(named.packages)
        assert named.all[: len(named.held_out)] == named.held_out
    assert python.registry == "pypi"
    assert set(python.held_out) == {"trio", "werkzeug", "jinja2", "click"}
    assert set(javascript.held_out) == {"express", "commander", "mocha", "rxjs", "prosemirror-view"}


@pytest.mark.parametrize("text", ["[python]\n", "[python]\npackages = 3\nheld-out = []\n", "no list"])
def test_a_list_that_is_none_is_said(tmp_path: Path, text: str):
    (tmp_path / "list.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no list of packages"):
        read_list(tmp_path / "list.toml")
