"""Text of which any model knows how it goes on: functions that differ in a number."""

from __future__ import annotations

FUNCTION = '''def add_row_{number}(table, name, value):
    row = table.new_row(name)
    row.set_value(value)
    table.rows.append(row)
    return table


'''


def functions(count: int) -> str:
    """``count`` complete functions."""
    return "".join(FUNCTION.format(number=number) for number in range(count))


BEGUN = ("def add_row_99(", "table, name, value):\n    ", "row = ", "table.", "new_row(", "name)\n    ", "row.",
         "set_value(", "value)\n    ", "table.", "rows.", "append(", "row)\n    ", "return ", "t")
"""One more, in the pieces after which a person might look up and see what is offered."""
