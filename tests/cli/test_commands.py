"""The command line as a person meets it: quick help, plain sentences, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from kvlsp import cli
from kvlsp.cli import caret, doctor, table
from kvlsp.config import Settings
from kvlsp.errors import DocumentError, ModelBroken, PositionError
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.byte_tokenizer import VOCABULARY, byte_tokenizer_json
from tests.support.tokenizers import tokenizer_json


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_help_names_the_commands_and_runs_no_model():
    code = ("import sys; from kvlsp.cli import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "heavy = {'torch', 'transformers', 'kvlsp.laboratory'} & set(sys.modules)\n"
            "sys.exit(f'imported {heavy}' if heavy else 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    users, _, laboratory = done.stdout.partition("─ For work on kvlsp itself")
    for name, command in table.COMMANDS.items():
        assert name in (laboratory if "laboratory" in command.module else users), name


def test_the_version(capsys):
    code, out, _ = run(capsys, "--version")
    assert (code, out.startswith("kvlsp ")) == (0, True)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["serve", "--tcp", "0.0.0.0:4711"], "this machine only"),
    (["serve", "--device", "abacus"], "kvlsp.device"),
    (["complete", "nowhere"], "is not a place"),
    (["complete", "a.py:0:1"], "is not a place"),
    (["complete", "no/such/file.py:1:1"], "cannot be read"),
    (["complete", "/dev/zero:1:1"], "cannot be read"),
    (["next", "/dev/zero", "--after", "/dev/null"], "cannot be read"),
    (["complete", f"a.py:{'1' * 5000}:1"], "is not a place"),
])  # fmt: skip
def test_errors_are_one_plain_sentence(capsys, arguments, sentence):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("kvlsp: ")
    assert sentence in err
    assert "Traceback" not in err


def test_an_unknown_command(capsys):
    code, _, err = run(capsys, "frobnicate")
    assert code == 2
    assert "frobnicate" in err


# --- complete ---


def test_places_in_files():
    assert caret.read_place("a.py:1:2") == (Path("a.py"), 1, 2)
    assert caret.read_place("c:/odd:name.py:10:20") == (Path("c:/odd:name.py"), 10, 20)


@pytest.mark.parametrize(("line", "column", "offset"),
                         [(1, 1, 0), (1, 3, 2), (2, 1, 4), (2, 2, 5), (3, 1, 6)])
def test_offsets_count_from_one_and_lines_end_at_cr_and_lf_only(line, column, offset):
    assert caret.offset_in("\x0c\u2028\r\n😀\n", line, column, Path("a")) == offset


@pytest.mark.parametrize(("line", "column"), [(4, 1), (1, 4), (3, 2)])
def test_places_outside_the_text(line, column):
    with pytest.raises(PositionError, match="there is no"):
        caret.offset_in("ab\nc\n", line, column, Path("a"))


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    with pytest.raises(DocumentError, match="not UTF-8"):
        caret.read_source(tmp_path / "latin")
    with pytest.raises(DocumentError, match="cannot be read"):
        caret.read_source(tmp_path)
    (tmp_path / "nul").write_bytes(b"\xef\xbb\xbfa\x00b\r\n")
    assert caret.read_source(tmp_path / "nul") == "a\x00b\r\n"


def test_a_diff_that_is_no_text_is_said_to_be_none(capsys, tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("x = 1\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"--- a\n+++ b\n\xff\n"), encoding="utf-8"))
    code, _, err = run(capsys, "next", str(tmp_path / "a.py"), "--after", "-")
    assert code == 2
    assert "The text from standard input is not UTF-8 (byte 12 is not)" in err


def test_what_is_said_where_nothing_is_inserted(capsys, tmp_path):
    (tmp_path / "word.py").write_text("total = 1\n", encoding="utf-8")
    code, out, err = run(capsys, "complete", f"{tmp_path / 'word.py'}:1:3", "--threads", "1")
    assert (code, out) == (0, "")
    assert "Nothing to insert: a suggestion here would break the word or the line that the caret stands in." in err


# --- doctor ---


def test_a_check_that_fails_is_a_finding(monkeypatch):
    def breaks(settings):
        raise LookupError("why")
        yield

    def refuses(settings):
        yield doctor.Finding("first", "fine")
        raise ModelBroken("It is broken.")

    monkeypatch.setattr(doctor, "CHECKS", {"a": breaks, "b": refuses})
    found = list(doctor.examine(Settings()))
    assert [(f.name, bool(f.problem)) for f in found] == [("a", True), ("first", False), ("b", True)]
    assert found[2].problem == "It is broken."


def test_what_is_wrong_decides_the_exit_code(capsys, monkeypatch):
    for problem, expected in (("", 0), ("It is broken.", 1)):
        monkeypatch.setattr(doctor, "CHECKS", {"a": lambda s, p=problem: iter([doctor.Finding("a", "v", p)])})
        code, out, _ = run(capsys, "doctor", "--json")
        assert code == expected
        assert json.loads(out) == {"ok": not problem,
                                   "findings": [{"name": "a", "value": "v", "problem": problem, "mend": ""}]}
        code, out, _ = run(capsys, "doctor")
        assert code == expected
        assert problem in out


def test_a_model_that_is_not_there_is_said_to_be():
    [finding] = doctor.model(Settings(model="/no/such/folder"))
    assert "/no/such/folder" in finding.problem


def test_the_default_model_is_called_so_and_not_as_its_folder():
    said = {finding.name: finding.value for finding in doctor.model(Settings())}
    assert said["model"].startswith("the default model: 23.6M parameters, ")


@pytest.mark.parametrize(("rows", "problem"), [(300, ""), (200, "no row in the model")])
def test_a_tokenizer_that_is_larger_than_its_model_is_seen(rows, problem):
    finding = doctor.tokenizer(Tokenizer.from_json(byte_tokenizer_json()), rows)
    assert f"{VOCABULARY} tokens for {rows} rows" in finding.value
    assert problem in finding.problem
    assert bool(problem) == bool(finding.problem)


def test_a_tokenizer_whose_texts_cannot_be_cut_is_said_to_be_slow():
    finding = doctor.tokenizer(Tokenizer.from_json(tokenizer_json("unknown-kind")), 5_000)
    assert "every key" in finding.problem


def test_the_default_installation_has_a_model_and_grammars():
    found = [*doctor.model(Settings(threads=1)), *doctor.grammars(Settings()), *doctor.versions(Settings())]
    assert [f for f in found if f.problem] == []
    assert any(f.name == "grammar python" for f in found)
