"""From a key to ghost text on the screen, in real editors, with kvlsp and with a server that answers at once.

    python -m tests.e2e.latency [--strokes 50] [--threads 0] [--patience 2] [--json] [EDITOR...]

EDITORs are neovim-builtin, neovim-own and vscode; without one, all of them.

The file is a real one of more than 4,000 tokens. At each of the places, spread over the file, the rest of a line is
deleted, and something is typed in the line below, so that nothing is known beforehand of the place; after a rest one
character is typed and the time taken until ghost text is on screen: in VS Code until the
frame that has it, in Neovim until the end of the redraw that draws it. Then the line is put back. What the server with
fixed answers takes is the editor's own share; the difference at the same place is kvlsp's. Suggestions of any
confidence are shown: what is measured is time. A place where the answer came from memory after all is left out.

Beside the table on standard output the progress goes to standard error. A place where nothing came, or where the
editor could not be driven, is counted as missed; an editor that does not start is named, and the others are measured.
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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.support.editors import FIXED_SERVER, editors_folder
from tests.e2e.support.neovim import Neovim
from tests.e2e.support.tapped import TappedServer
from tests.e2e.support.vscode import VSCode

REST = 0.8
"""Seconds without a key before the one that is measured: the caret came from elsewhere, and the user looks."""
MISSED = -1.0
READING = 600.0
"""Seconds in which the model must have read the whole file. Before that nobody can be fast."""

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


def remembered(ask: Callable[[str, dict[str, Any]], Any]) -> bool:
    """Whether the server took its last answer from memory; one with fixed answers has no such thing."""
    try:
        statistics_ = ask("kvlsp/statistics", {})
    except AssertionError:
        return False
    return bool((statistics_ or {}).get("last", {}).get("remembered"))


def read(state: dict[str, Any] | None) -> bool:
    """Whether the model has read the document; a server without one always has."""
    if state is None or "staleTokens" not in state:
        return state is not None
    return bool(state["cachedTokens"] >= state["tokens"] > 0 == state["staleTokens"])


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


def in_neovim(ghost: str, server: Sequence[str], options: argparse.Namespace, path: Path, places: Sequence[Stroke],
              home: Path) -> list[float]:
    chosen = {"cmd": list(server), "ghost": ghost, "settings": {"threads": options.threads, "confidence": 0.0}}
    editor = Neovim(editors_folder() / "neovim-sid" / "nvim", home, chosen, [path])
    try:
        editor.wait_ready()
        editor.nvim.exec_lua(WATCH)
        editor.nvim.command("set indentexpr= noautoindent")
        uri = editor.nvim.exec_lua("return vim.uri_from_bufnr(0)")
        editor.wait(lambda: editor.language_server("kvlsp/documentState", {"uri": uri}), read, "a file read", READING)
        return [_stroke_in_neovim(editor, place, options.patience) for place in counted(places)]
    finally:
        editor.close()


def _stroke_in_neovim(editor: Neovim, place: Stroke, patience: float) -> float:
    buffer = editor.nvim.current.buffer
    buffer[place.line] = place.text[:place.column - 1]
    below = buffer[place.line + 1]
    buffer[place.line + 1] = below + "#"
    editor.nvim.current.window.cursor = (place.line + 1, 0)
    time.sleep(REST)
    editor.nvim.exec_lua("latency.reset()")
    editor.type(f"A{place.key}")
    taken = _until(lambda: float(editor.nvim.exec_lua("return latency.milliseconds()")), patience)
    if taken < 0:
        print(f"line {place.line + 1}: {'; '.join(editor.status())}", file=sys.stderr)
    elif remembered(editor.language_server):
        print(f"line {place.line + 1}: known beforehand", file=sys.stderr)
        taken = MISSED
    editor.keys("<Esc>")
    buffer[place.line:place.line + 2] = [place.text, below]
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


def in_vscode(server: Sequence[str], options: argparse.Namespace, path: Path, places: Sequence[Stroke],
              home: Path) -> list[float]:
    editor = VSCode(editors_folder() / "vscode" / "code-server", home)
    tapped = TappedServer(home / "tap", list(server))
    try:
        editor.change_settings({
            "kvlsp.server.command": tapped.command, "kvlsp.threads": options.threads, "kvlsp.confidence": 0.0})
        editor.write(path.name, path.read_bytes())
        editor.load()
        editor.open(path.name)
        editor.wait_ready()
        editor.evaluate(WATCH_PAGE)
        uri = (editor.folder / path.name).as_uri()
        editor.wait(lambda: tapped.ask("kvlsp/documentState", {"uri": uri}), read, "a file read", READING)
        return [_tried_in_vscode(editor, tapped, place, options.patience) for place in counted(places)]
    finally:
        editor.close()


def _tried_in_vscode(editor: VSCode, tapped: TappedServer, place: Stroke, patience: float) -> float:
    try:
        taken = _stroke_in_vscode(editor, place, patience)
        if taken >= 0 and remembered(tapped.ask):
            print(f"line {place.line + 1}: known beforehand", file=sys.stderr)
            return MISSED
        return taken
    except AssertionError as error:
        print(f"line {place.line + 1} missed: {error}", file=sys.stderr)
        editor.press("Escape", "Escape")
        editor.command("File: Revert File")
        return MISSED


def _go_to(editor: VSCode, line: int, column: int) -> None:
    editor.press("Control+g")
    editor.type(f"{line + 1}:{column}", delay=0)
    editor.press("Enter")
    editor.wait(lambda: editor.evaluate("() => document.activeElement?.closest('.quick-input-widget') == null"))


def _stroke_in_vscode(editor: VSCode, place: Stroke, patience: float) -> float:
    _go_to(editor, place.line, place.column)
    # VS Code asks after a deletion, and kvlsp begins before that; typing below at once ends both.
    editor.press("Shift+End", "Delete", "ArrowDown", "End", "#")
    time.sleep(REST)
    _go_to(editor, place.line, place.column)
    editor.wait(editor.ghost, lambda ghost: ghost == "", "no ghost text")
    editor.evaluate("() => { window.latency.armed = true; }")
    editor.type(place.key)
    taken = _until(lambda: float(editor.evaluate(
        "() => window.latency.ghost ? window.latency.ghost - window.latency.key : -1")), patience)
    editor.press("Escape")
    editor.do("insert", text=place.rest)
    return taken


# --- together ----------------------------------------------------------------------------------------------


def _until(look: Callable[[], float], patience: float) -> float:
    end = time.monotonic() + patience
    while (taken := look()) < 0 and time.monotonic() < end:
        time.sleep(0.02)
    return taken


def counted(places: Sequence[Stroke]) -> Iterator[Stroke]:
    for number, place in enumerate(places):
        if number % 10 == 0:
            print(f"  {number} of {len(places)}", file=sys.stderr)
        yield place


def summary(taken: Sequence[float], of: int) -> dict[str, float]:
    """Milliseconds, and at how many ``of`` the places there are any."""
    if len(taken) < 2:
        return {"shown": len(taken), "of": of}
    cuts = statistics.quantiles(taken, n=20, method="inclusive")
    return {"shown": len(taken), "of": of, "p50": round(cuts[9], 1), "p95": round(cuts[18], 1)}


def summaries(fixed: Sequence[float], kvlsp: Sequence[float]) -> dict[str, dict[str, float]]:
    """The editor's own share, the whole, and place by place what kvlsp adds."""
    both = [(one, other) for one, other in zip(fixed, kvlsp, strict=True) if one >= 0 and other >= 0]
    return {
        "editor's own": summary([one for one in fixed if one >= 0], len(fixed)),
        "with kvlsp": summary([other for other in kvlsp if other >= 0], len(kvlsp)),
        "difference": summary([other - one for one, other in both], len(fixed)),
    }


def measure(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    servers = {"fixed": [sys.executable, str(FIXED_SERVER), "answer_", "--count"],
               "kvlsp": [sys.executable, "-m", "kvlsp", "serve"]}
    text = Path(textwrap.__file__).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "wrapping.py"
        path.write_text(text + "#\n", encoding="utf-8")
        places = strokes(text, options.strokes)
        for editor in options.editors:
            taken: dict[str, list[float]] = {}
            for name, server in servers.items():
                print(f"{editor}, {name}", file=sys.stderr)
                home = Path(folder) / f"{editor}-{name}"
                try:
                    if editor == "vscode":
                        taken[name] = in_vscode(server, options, path, places, home)
                    else:
                        ghost = editor.removeprefix("neovim-")
                        taken[name] = in_neovim(ghost, server, options, path, places, home)
                except (AssertionError, OSError) as error:
                    print(f"{editor} with the {name} server could not be measured: {error}", file=sys.stderr)
                    taken[name] = [MISSED] * len(places)
            yield editor, summaries(taken["fixed"], taken["kvlsp"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("editors", nargs="*", default=["neovim-builtin", "neovim-own", "vscode"])
    parser.add_argument("--strokes", type=int, default=50)
    parser.add_argument("--threads", type=int, default=0, help="of a forward (0: one fewer than there are cores)")
    parser.add_argument("--patience", type=float, default=2.0, help="seconds after which a place counts as missed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for editor, found in measure(options):
        results[editor] = found
        if not options.json:
            print_table(editor, found)
    if options.json:
        print(json.dumps(results, indent=2))


def print_table(editor: str, found: dict[str, dict[str, float]]) -> None:
    print(f"{editor:<16}{'':<14}{'shown':>8}{'p50 ms':>9}{'p95 ms':>9}")
    for name, row in found.items():
        shown = f"{row['shown']}/{row['of']}"
        print(f"{'':<16}{name:<14}{shown:>8}{row.get('p50', '-'):>9}{row.get('p95', '-'):>9}", flush=True)


if __name__ == "__main__":
    main()
