"""Where daemons and engine meet: a folder for one user, a name for one engine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import kvlsp
from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.remote import meeting_place as module
from kvlsp.remote.meeting_place import elsewhere, meeting_place, places


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    return {"XDG_RUNTIME_DIR": str(folder)}


def test_the_folder_is_open_to_its_user_alone(environment, folder):
    os.umask(0)
    (folder / "kvlsp").mkdir(mode=0o777)
    met = meeting_place(Settings(), environment)
    assert met.folder == folder / "kvlsp"
    assert stat.S_IMODE(met.folder.stat().st_mode) == 0o700


def test_without_a_runtime_folder_it_lies_among_the_temporary_files_with_the_users_number(monkeypatch, folder):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(folder))
    assert meeting_place(Settings(), {}).folder == folder / f"kvlsp-{os.geteuid()}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("theirs", ["runtime", "folder"])
def test_nothing_is_shared_in_a_folder_of_somebody_elses(environment, folder, monkeypatch, theirs):
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(folder / "temporary"))
    (folder / "temporary").mkdir()
    if theirs == "runtime":  # as with sudo: root would put its socket where the user can change it
        os.chown(folder, 65534, 65534)
        assert meeting_place(Settings(), environment).folder == folder / "temporary" / "kvlsp-0"
    else:
        (folder / "kvlsp").mkdir()
        os.chown(folder / "kvlsp", 65534, 65534)
        with pytest.raises(EngineUnreachable, match="belongs to another user"):
            meeting_place(Settings(), environment)


def test_a_link_is_no_folder(environment, folder):
    (folder / "elsewhere").mkdir()
    (folder / "kvlsp").symlink_to(folder / "elsewhere")
    with pytest.raises(EngineUnreachable):
        meeting_place(Settings(), environment)


def test_engines_that_differ_have_places_of_their_own(environment, monkeypatch):
    def name(settings: Settings = Settings(), **more: str) -> str:
        return meeting_place(settings, {**environment, **more}).name

    usual = name()
    others = [name(Settings(model="/models/a")), name(Settings(device="cpu")), name(Settings(threads=3)),
              name(CUDA_VISIBLE_DEVICES="1"), name(Settings(model="/models/a"), HF_HOME="/hub")]
    monkeypatch.setattr(kvlsp, "__version__", "9.9.9")
    others.append(name())
    assert len({usual, *others}) == 7
    assert others[-1].startswith("9.9.9-")


def test_where_hubs_are_is_nothing_to_the_model_that_comes_with_kvlsp(environment):
    """Editors that are begun from a shell and from a desktop often differ in that."""
    assert meeting_place(Settings(), {**environment, "HF_TOKEN": "secret"}) == meeting_place(Settings(), environment)


@pytest.mark.parametrize("model", [".", "weights.bin"])
def test_a_model_whose_files_were_changed_is_another_one(environment, folder, model):
    (folder / "weights.bin").write_bytes(b"1")
    settings = Settings(model=str(folder / model))
    before = meeting_place(settings, environment)
    assert meeting_place(settings, environment) == before
    (folder / "weights.bin").write_bytes(b"22")
    assert meeting_place(settings, environment) != before


def test_who_changes_kvlsp_itself_meets_another_engine(environment, folder, monkeypatch):
    package = folder / "kvlsp"
    (package / "room").mkdir(parents=True)
    for file in ("__init__.py", "room/one.py"):
        (package / file).touch()
    monkeypatch.setattr(kvlsp, "__file__", str(package / "__init__.py"))
    environment = {"XDG_RUNTIME_DIR": str(folder / "room")}
    before = meeting_place(Settings(), environment)
    (package / "room" / "__pycache__").mkdir()
    (package / "room" / "__pycache__" / "made.py").touch()
    assert meeting_place(Settings(), environment) == before
    os.utime(package / "room" / "one.py", ns=(0, 1 << 62))
    assert meeting_place(Settings(), environment) != before


def test_a_user_without_a_home_shares_nothing(environment):
    with pytest.raises(EngineUnreachable, match="no home folder"):
        meeting_place(Settings(), {**environment, "HOME": os.devnull})


def test_settings_that_are_the_clients_own_share_an_engine(environment):
    met = {meeting_place(settings, environment) for settings in
           (Settings(), Settings(max_lines=3), Settings(languages=("go",)), Settings(trace="verbose"))}
    assert len(met) == 1


def test_a_model_beside_the_daemon_is_named_so_that_it_is_found_from_elsewhere(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert elsewhere(Settings(model="./tiny")).model == str(folder / "tiny")
    assert elsewhere(Settings(model="..")).model == str(folder.parent)
    for model in ("", "Qwen/Qwen2.5", "/models/a", "~/a"):
        assert elsewhere(Settings(model=model)).model == model


@pytest.mark.parametrize("model", ["~nobody-of-that-name/model", "/a\0b", "/" + "a" * 5000])
def test_a_model_that_no_file_can_be_has_a_place_all_the_same(environment, model):
    """There it is told what is wrong with it."""
    assert meeting_place(Settings(model=model), environment)


def test_in_a_folder_that_was_removed_a_models_name_stays_what_it_is(folder, monkeypatch):
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()
    assert elsewhere(Settings(model="./tiny")).model == "./tiny"


def test_a_path_that_no_socket_can_have_is_said(folder):
    long = folder / ("long" * 30)
    long.mkdir()
    with pytest.raises(EngineUnreachable, match="too long"):
        meeting_place(Settings(), {"XDG_RUNTIME_DIR": str(long)})


def test_where_nothing_can_be_written_that_is_said(monkeypatch):
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(module.tempfile, "gettempdir", nowhere)
    with pytest.raises(EngineUnreachable, match="No folder for temporary files"):
        meeting_place(Settings(), {})


def test_where_ollama_keeps_models_belongs_to_a_model_that_is_named(environment):
    named = Settings(model="ollama:coder")
    assert meeting_place(named, {**environment, "OLLAMA_MODELS": "/m"}) != meeting_place(named, environment)


def test_places_are_those_with_a_lock(environment):
    met = meeting_place(Settings(), environment)
    assert places(environment) == []
    met.lock.touch()
    met.log.touch()
    assert places(environment) == [met]


def test_where_nothing_can_be_shared_that_is_said_and_no_engine_is_found(environment, monkeypatch):
    monkeypatch.delattr(os, "geteuid")
    assert places(environment) == []
    with pytest.raises(EngineUnreachable, match="an engine of its own"):
        meeting_place(Settings(), environment)
