"""Pictures a second of the playground's page, in real Chromium: ``python -m tests.e2e.frames [CELLS ...]``.

For each number of cells 120 pictures in a row, each with new rows that light up, as after a key: milliseconds of the
page's own thread for a picture (what is to be drawn is found out and drawn) and from one picture to the next. Then a
file of 1 MB: the same while 40 letters are typed into it. A browser without a GPU, which rasters on the processor.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.support.chromium import Chromium

if TYPE_CHECKING:
    from tests.e2e.test_playground import Playground

Figures = Mapping[str, tuple[float, float, float]]
"""Milliseconds by what they are of: the quickest tenth, the median, the 95th percentile."""

QUANTILES = """
const quantiles = (all) => {
  const sorted = [...all].sort((a, b) => a - b);
  return [0.1, 0.5, 0.95].map((part) => Number(sorted[Math.floor(part * sorted.length)].toFixed(2)));
};
const picture = () => new Promise(requestAnimationFrame);
"""

CELLS = """(async () => {
  %s
  const { cells } = window.kvlsp, count = %d;
  const each = (Kind, value) => Kind.from({ length: count }, (_, row) => value(row));
  const rows = {
    uri: '', order: 'plain', rows: count, frontier: Math.floor(count * 0.6), prefix: [2, Math.floor(count * 0.7)],
    tokens: count, unread: 0, ids: each(Int32Array, () => 0), cells: each(Int32Array, (row) => row < 2 ? -1 : row),
    changes: each(Uint16Array, (row) => row %% 90), likely: each(Uint16Array, () => 0),
    origin: each(Int8Array, (row) => row %% 7 === 0 ? 2 : row %% 11 === 0 ? 1 : row %% 13 === 0 ? 3 : 0),
    written: each(Int32Array, (row) => row %% 3), moved: each(Int32Array, (row) => row %% 2 * 2),
    generated: [1, 2, 3, 4, 5], copied: [1], generating: false,
  };
  const script = [], pictures = [];
  let last = await picture();
  for (let number = 0; number < 120; number++) {
    const now = await picture();
    pictures.push(now - last);
    last = now;
    const began = performance.now();
    cells.show(rows, { first: 1 + number %% 2, title: '', rows: {}, ms: {}, total: 0 });
    script.push(performance.now() - began);
  }
  return { script: quantiles(script), pictures: quantiles(pictures) };
})()"""

WATCH = """(() => {
  const pictures = window.pictures = [];
  let last = performance.now();
  const step = (now) => {
    pictures.push(now - last);
    last = now;
    if (window.pictures === pictures) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})()"""

SEEN = "(() => { %s const seen = window.pictures; window.pictures = null; return { pictures: quantiles(seen) }; })()"


def cells(page: Chromium, count: int) -> Figures:
    """Of a page that is open; it shows made-up rows meanwhile."""
    found: Figures = page.evaluate(CELLS % (QUANTILES, count))
    return found


def typing(page: Chromium, text: str) -> Figures:
    """From picture to picture while ``text`` is typed where the caret is."""
    page.evaluate(WATCH)
    page.do("type", text=text, delay=60)
    found: Figures = page.evaluate(SEEN % QUANTILES)
    return found


def large(folder: Path) -> Path:
    """A file of more than 1 MB."""
    file = folder / "large.py"
    file.write_text("".join(f"value_{number} = {number} * width\n" for number in range(40_000)), encoding="utf-8")
    return file


def _opened(file: Path) -> Playground:
    from tests.e2e.test_playground import Playground

    playground = Playground(file)
    try:
        playground.open()
        playground.page.wait(lambda: "tokens resident" in playground.page.text("#rows"), "the first rows")
    except BaseException:
        playground.close()
        raise
    return playground


def main(counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "short.py"
        file.write_text("x = 1\n" * 50, encoding="utf-8")
        playground = _opened(file)
        try:
            playground.rest()
            for count in counts:
                print(f"{count:6} cells", json.dumps(cells(playground.page, count)), flush=True)
        finally:
            playground.close()
        playground = _opened(large(Path(folder)))
        try:
            print("1 MB, typing", json.dumps(typing(playground.page, "x = width * value_1 + value_2 " + "x" * 10)))
        finally:
            playground.close()


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [2_000, 10_000, 20_000])
