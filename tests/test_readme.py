"""What the README promises is what stands in the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kvlsp.cli import COMMANDS
from kvlsp.prompt.families import table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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


@pytest.mark.parametrize("row", table(), ids=lambda row: row["models"][:30])
def test_every_family_stands_in_the_table(row):
    order = row["order"].replace(" ", "-")
    assert f"| {row['models']} | {order} | `{row['prompt']}` | {row['source']} |" in README


def test_every_command_is_named():
    for command in COMMANDS:
        assert f"`kvlsp {command}" in README, command


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_nothing_is_left_to_fill_in():
    assert "@@" not in README
