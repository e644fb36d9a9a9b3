"""What the README promises is what stands in the project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kvlsp.cli.table import COMMANDS
from kvlsp.config import Settings
from kvlsp.prompt.families import table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_there_are_two_set_up_commands_and_ci_runs_both():
    commands = re.findall(r"^pip install .*$", README, re.MULTILINE)
    assert len(commands) == 2
    complete, tests = (command.partition(" && ")[2] for command in commands)
    assert complete.startswith("kvlsp complete kvlsp/")
    for command in (complete, tests):
        assert re.search(rf"^{re.escape(command)}$", CI, re.MULTILINE), f"{command} is not run by .ci/run"
    path, line, column = complete.rpartition(" ")[2].split(":")
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]) >= int(column) - 1


def test_the_first_command_prints_a_suggestion():
    command = re.search(r"^pip install \. && kvlsp (complete .*)$", README, re.MULTILINE)
    assert command is not None
    done = subprocess.run([sys.executable, "-m", "kvlsp", *command[1].split()], cwd=ROOT, capture_output=True,
                          text=True, timeout=120, check=True)
    assert done.stdout.strip()


def test_the_first_minute_goes_as_it_says(tmp_path):
    source = re.search(r"^Save this as `(.*)`:\n\n```python\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
    session = re.search(r"^\$ kvlsp (.*)\n(.*)\n```$", README, re.MULTILINE)
    assert source is not None
    assert session is not None
    (tmp_path / source[1]).write_text(source[2], encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "kvlsp", *session[1].split()], cwd=tmp_path, capture_output=True,
                          text=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert done.stdout == session[2] + "\n", done.stderr


@pytest.mark.parametrize("row", table(), ids=lambda row: row["models"][:30])
def test_every_family_stands_in_the_table_of_models(row):
    order = row["order"].replace(" ", "-")
    assert f"| {row['models']} | {order} | `{row['prompt']}` | {row['source']} |" in MODELS


def test_every_command_is_named():
    for command in COMMANDS:
        assert f"`kvlsp {command}" in README, command


def test_the_settings_have_the_defaults_that_stand_there():
    usual = Settings().as_options()
    shown = dict(re.findall(r"^\| `(\w+)` \| `(.*?)` \|", README, re.MULTILINE))
    assert len(shown) > 8
    assert {name: json.loads(default) for name, default in shown.items()} == {
        name: list(usual[name]) if isinstance(usual[name], tuple) else usual[name] for name in shown
    }


def test_nothing_is_left_to_fill_in():
    assert "@@" not in README
