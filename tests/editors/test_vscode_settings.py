"""package.json of the VS Code extension offers the daemon's settings: same names, types, defaults and ranges."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from kvlsp.config import Settings

EXTENSION = Path(__file__).resolve().parents[2] / "editors" / "vscode"
PACKAGE = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
OFFERED: dict[str, Any] = PACKAGE["contributes"]["configuration"]["properties"]


def test_package_is_what_the_script_writes() -> None:
    spec = importlib.util.spec_from_file_location("vscode_settings", EXTENSION / "settings.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.configuration() == OFFERED, "run python editors/vscode/settings.py"


def test_the_defaults_that_vs_code_sends_are_the_daemons() -> None:
    names = {name.removeprefix("kvlsp."): entry["default"] for name, entry in OFFERED.items()}
    del names["server.command"]
    names["trace"] = names.pop("trace.server")
    assert Settings.read(names) == Settings()
    assert len(names) == len(dataclasses.fields(Settings))


@pytest.mark.parametrize("name", sorted(OFFERED))
def test_every_setting_is_explained_and_typed(name: str) -> None:
    entry = OFFERED[name]
    assert entry.get("description") or entry.get("markdownDescription")
    assert {"type", "default", "scope"} <= entry.keys()


def test_an_untrusted_workspace_chooses_no_program_and_no_model() -> None:
    restricted = set(PACKAGE["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"])
    assert restricted == {name for name, entry in OFFERED.items() if entry["scope"] == "machine-overridable"}


def test_the_keys_of_the_next_edit_leave_to_the_editor_what_else_they_are_for():
    when = {binding["key"]: binding["when"].split(" && ") for binding in PACKAGE["contributes"]["keybindings"]}
    selected = {"!editorHasSelection", "!editorHasMultipleSelections", "!inSnippetMode"}
    shown = {"kvlsp.nextEditShown", "editorTextFocus", "!inlineSuggestionVisible", "!suggestWidgetVisible"}
    assert shown | selected | {"!editorTabMovesFocus"} <= set(when["tab"])  # a selection is indented
    assert shown | selected | {"!findWidgetVisible", "!parameterHintsVisible"} <= set(when["escape"])
