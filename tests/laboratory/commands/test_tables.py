"""Tables on standard output."""

from __future__ import annotations

from kvlsp.laboratory.commands.tables import table

ROWS = [{f"a column of this name {number}": f"figure {number}" for number in range(20)}]


def test_in_a_file_no_cell_is_cut(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    table(ROWS, "title", turn=True)
    printed = capsys.readouterr().out
    assert all(word in printed for pair in ROWS[0].items() for word in pair)


def test_where_lines_would_be_too_wide_a_row_becomes_a_column(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    table(ROWS, "title", turn=True)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 60
    assert "figure 19" in printed
