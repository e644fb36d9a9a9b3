"""From a key to ghost text on the screen, in real editors, with kvlsp and with a server that answers at once.

    python -m tests.e2e.latency [--strokes 50] [--threads 0] [--json] [neovim-builtin] [neovim-own] [vscode]

The file is a real one of more than 4,000 tokens. At each of the places, spread over the file, the rest of a line is
deleted; after a rest one character is typed and the time taken until ghost text is on screen: in VS Code until the
frame that has it, in Neovim until the end of the redraw that draws it. Then the line is put back. What the server with
fixed answers takes is the editor's own share; the difference is kvlsp's.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.support.editors import FIXED_SERVER, editors_folder
from tests.e2e.support.neovim import Neovim
from tests.e2e.support.vscode import VSCode

REST = 0.8
"""Seconds without a key before the one that is measured: the caret came from elsewhere, and the user looks."""
PATIENCE = 2.0
"""Seconds after which a place counts as one where nothing is offered."""

CUT = re.compile(r"(?:= |\(|\.|, |return |if |for )(?=\w{3})")


@dataclass(frozen=True)
class Stroke:
    """Line ``line`` (0-based) is cut before ``column - 1``; the key is the character that stands there."""

    line: int
    column: int
    text: str

    @property
    def key(self) -> str:
        return self.text[self.column - 1]

    @property
    def rest(self) -> str:
        return self.text[self.column:]


def strokes(text: str, count: int) -> list[Stroke]:
    """Places in code, evenly spread."""
    found = []
    for line, content in enumerate(text.splitlines()):
        match = CUT.search(content)
        if match and not content.lstrip().startswith(("#", '"', "'", ">>>")):
            found.append(Stroke(line, match.end(), content))
    step = len(found) / count
    return [found[int(number * step)] for number in range(count)]


# --- Neovim ------------------------------------------------------------------------------------------------

WATCH = """
local seen = {}
local names = { 'kvlsp.ghost', 'nvim.lsp.inline_completion' }
local function shown()
  local all = vim.api.nvim_get_namespaces()
  for _, name in ipairs(names) do
    if all[name] and #vim.api.nvim_buf_get_extmarks(0, all[name], 0, -1, {}) > 0 then return true end
  end
  return false
end
vim.on_key(function() seen.key = vim.uv.hrtime() end)
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('latency'), {
  on_end = function() if not seen.ghost and seen.key and shown() then seen.ghost = vim.uv.hrtime() end end,
})
latency = {
  reset = function() seen = {} end,
  milliseconds = function() return seen.ghost and (seen.ghost - seen.key) / 1e6 or -1 end,
}
"""


def in_neovim(ghost: str, server: Sequence[str], threads: int, path: Path, places: Sequence[Stroke],
              home: Path) -> list[float]:
    options = {"cmd": list(server), "ghost": ghost, "settings": {"threads": threads}}
    editor = Neovim(editors_folder() / "neovim-sid" / "nvim", home, options, [path])
    try:
        editor.wait_ready()
        editor.nvim.exec_lua(WATCH)
        editor.nvim.command("set indentexpr= noautoindent")
        time.sleep(2 * REST)
        return [_stroke_in_neovim(editor, place) for place in places]
    finally:
        editor.close()


def _stroke_in_neovim(editor: Neovim, place: Stroke) -> float:
    buffer = editor.nvim.current.buffer
    buffer[place.line] = place.text[:place.column - 1]
    editor.nvim.current.window.cursor = (place.line + 1, 0)
    time.sleep(REST)
    editor.nvim.exec_lua("latency.reset()")
    editor.type(f"A{place.key}")
    taken = _until(lambda: float(editor.nvim.exec_lua("return latency.milliseconds()")))
    editor.keys("<Esc>")
    buffer[place.line] = place.text
    return taken


# --- VS Code -----------------------------------------------------------------------------------------------

WATCH_PAGE = """() => {
  window.latency = { key: 0, ghost: 0 };
  const look = () => {
    const latency = window.latency;
    if (latency.key && !latency.ghost && document.querySelector('.ghost-text-decoration, .ghost-text')) {
      latency.ghost = performance.now();
    }
    if (latency.key && !latency.ghost) requestAnimationFrame(look);
  };
  window.addEventListener('keydown', () => {
    if (!window.latency.armed) return;
    window.latency = { key: performance.now(), ghost: 0, armed: false };
    requestAnimationFrame(look);
  }, { capture: true });
}"""


def in_vscode(server: Sequence[str], threads: int, path: Path, places: Sequence[Stroke], home: Path) -> list[float]:
    editor = VSCode(editors_folder() / "vscode" / "code-server", home)
    try:
        editor.change_settings({"kvlsp.server.command": list(server), "kvlsp.threads": threads})
        editor.write(path.name, path.read_bytes())
        editor.load()
        editor.open(path.name)
        editor.wait_ready()
        editor.evaluate(WATCH_PAGE)
        time.sleep(2 * REST)
        return [_stroke_in_vscode(editor, place) for place in places]
    finally:
        editor.close()


def _go_to(editor: VSCode, line: int, column: int) -> None:
    editor.press("Control+g")
    editor.type(f"{line + 1}:{column}", delay=0)
    editor.press("Enter")
    editor.wait(lambda: editor.evaluate("() => document.activeElement?.closest('.quick-input-widget') == null"))


def _stroke_in_vscode(editor: VSCode, place: Stroke) -> float:
    _go_to(editor, place.line, place.column)
    # VS Code asks after a deletion, too; leaving at once ends that request, so that nothing is known beforehand.
    editor.press("Shift+End", "Delete", "ArrowDown")
    time.sleep(REST)
    _go_to(editor, place.line, place.column)
    editor.wait(editor.ghost, lambda ghost: ghost == "", "no ghost text")
    editor.evaluate("() => { window.latency.armed = true; }")
    editor.type(place.key)
    taken = _until(lambda: float(editor.evaluate(
        "() => window.latency.ghost ? window.latency.ghost - window.latency.key : -1")))
    editor.press("Escape")
    editor.do("insert", text=place.rest)
    return taken


# --- together ----------------------------------------------------------------------------------------------


def _until(look: Callable[[], float]) -> float:
    end = time.monotonic() + PATIENCE
    while (taken := look()) < 0 and time.monotonic() < end:
        time.sleep(0.02)
    return taken


def summary(taken: Sequence[float]) -> dict[str, float]:
    """Milliseconds, and how many of the places brought something."""
    shown = sorted(value for value in taken if value >= 0)
    if len(shown) < 2:
        return {"shown": len(shown), "of": len(taken)}
    cuts = statistics.quantiles(shown, n=20, method="inclusive")
    return {"shown": len(shown), "of": len(taken), "p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


def measure(editors: Sequence[str], count: int, threads: int) -> dict[str, dict[str, dict[str, float]]]:
    servers = {"fixed": [sys.executable, str(FIXED_SERVER), "answer_", "--count"],
               "kvlsp": [sys.executable, "-m", "kvlsp", "serve"]}
    text = Path(textwrap.__file__).read_text(encoding="utf-8")
    results: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wrapping.py"
        path.write_text(text, encoding="utf-8")
        places = strokes(text, count)
        for editor in editors:
            results[editor] = {}
            for name, server in servers.items():
                home = Path(folder) / f"{editor}-{name}"
                if editor == "vscode":
                    taken = in_vscode(server, threads, path, places, home)
                else:
                    taken = in_neovim(editor.removeprefix("neovim-"), server, threads, path, places, home)
                results[editor][name] = summary(taken)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("editors", nargs="*", default=["neovim-builtin", "neovim-own", "vscode"])
    parser.add_argument("--strokes", type=int, default=50)
    parser.add_argument("--threads", type=int, default=0, help="of a forward (0: one fewer than there are cores)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = measure(options.editors, options.strokes, options.threads)
    if options.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'editor':<16}{'server':<8}{'shown':>9}{'p50 ms':>9}{'p95 ms':>9}")
    for editor, servers in results.items():
        for name, found in servers.items():
            shown = f"{found['shown']}/{found['of']}"
            print(f"{editor:<16}{name:<8}{shown:>9}{found.get('p50', '-'):>9}{found.get('p95', '-'):>9}")
        if all("p50" in found for found in servers.values()):
            share = servers["kvlsp"]["p50"] - servers["fixed"]["p50"]
            print(f"{editor:<16}kvlsp's part, p50: {share:.0f} ms")


if __name__ == "__main__":
    main()
