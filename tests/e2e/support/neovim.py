"""Drives a real Neovim: keys in, the screen as a user sees it out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pynvim

from tests.e2e.support.editors import ARTEFACTS, REPOSITORY

PLUGIN = REPOSITORY / "editors" / "nvim"
WIDTH, HEIGHT = 100, 30
PATIENCE = 60.0
"""Seconds to wait for something on screen: generous, since a machine may be busy with other things."""
LOADING = 240.0
"""Seconds to wait for a model that loads and measures itself."""

Seen = TypeVar("Seen")

INIT = """
vim.opt.runtimepath:prepend({plugin})
vim.o.swapfile = false
vim.o.shortmess = vim.o.shortmess .. 'I'
vim.g.kvlsp = vim.json.decode({options})
messages = {{}}
vim.notify = function(text, level) table.insert(messages, {{ text, level or 2 }}) end
local function map(key, name)
  vim.keymap.set('i', key, function()
    return require('kvlsp')[name]() and '' or key
  end, {{ expr = true, desc = 'kvlsp: ' .. name }})
end
map('<Tab>', 'accept') map('<C-l>', 'accept_word') map('<C-j>', 'accept_line') map('<C-e>', 'dismiss')
vim.keymap.set('i', '<M-]>', function() require('kvlsp').cycle(1) end)
vim.keymap.set('i', '<M-\\\\>', function() require('kvlsp').trigger() end)
if vim.fn.has('nvim-0.11') == 1 then vim.lsp.enable('kvlsp') else require('kvlsp').setup() end
"""


class Neovim:
    """One editor with its own home folder. ``options`` is what a user puts into vim.g.kvlsp."""

    def __init__(self, program: Path, home: Path, options: dict[str, Any], files: Sequence[Path] = ()) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        init = home / "init.lua"
        init.write_text(INIT.format(plugin=_lua(str(PLUGIN)), options=_lua(json.dumps(options))), encoding="utf-8")
        environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
                       "XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
        argv = ["env", *(f"{name}={environment[name]}" for name in environment if name.startswith(("HOME", "XDG"))),
                str(program), "--embed", "--headless", "--clean", "-u", str(init), *map(str, files)]
        self.nvim = pynvim.attach("child", argv=argv)
        self.nvim.ui_attach(WIDTH, HEIGHT, rgb=True)

    def close(self) -> None:
        with contextlib.suppress(OSError, EOFError):  # it is gone, which is what was wanted
            self.nvim.command("silent! qall!")
        self.nvim.close()

    # --- what a user does --------------------------------------------------------------------------------

    def keys(self, keys: str) -> None:
        """Presses keys, written as in a key map: ``<CR>``, ``<lt>`` for a less-than sign."""
        written = self.nvim.input(keys)
        assert written == len(keys.encode()), "Neovim took only a part of the keys"

    def type(self, text: str) -> None:
        self.keys(text.replace("<", "<lt>").replace("\n", "<CR>"))

    def open(self, path: Path) -> None:
        self.nvim.command(f"edit {path}")

    # --- what a user sees --------------------------------------------------------------------------------

    def screen(self) -> str:
        self.nvim.command("redraw")
        rows = self.nvim.exec_lua(
            "local rows = {} for row = 1, vim.o.lines do local cells = {} for column = 1, vim.o.columns do "
            "cells[column] = vim.fn.screenstring(row, column) end rows[row] = table.concat(cells) end return rows")
        return "\n".join(row.rstrip() for row in rows)

    def ghost(self) -> str:
        """The ghost text as drawn: what the extmarks of either module hold, lines joined by line breaks."""
        return str(self.nvim.exec_lua("""
            local text = {}
            for _, name in ipairs({ 'kvlsp.ghost', 'nvim.lsp.inline_completion' }) do
              local namespace = vim.api.nvim_get_namespaces()[name]
              local marks = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
              for _, mark in ipairs(marks or {}) do
                local lines = { mark[4].virt_text or {} }
                vim.list_extend(lines, mark[4].virt_lines or {})
                for _, chunks in ipairs(lines) do
                  local line = ''
                  for _, chunk in ipairs(chunks) do line = line .. chunk[1] end
                  table.insert(text, line)
                end
              end
            end
            return table.concat(text, '\\n')"""))

    def messages(self) -> list[str]:
        return [text for text, _level in self.nvim.exec_lua("return messages")]

    def wait(self, look: Callable[[], Seen], until: Callable[[Seen], bool] = bool, what: str = "",
             patience: float = PATIENCE) -> Seen:
        """What ``look`` sees, as soon as it is right; fails with the screen when that takes too long."""
        end = time.monotonic() + patience
        while not until(seen := look()):
            if time.monotonic() > end:
                raise AssertionError(f"waited for {what or 'something on screen'}; last seen: {seen!r}\n"
                                     f"messages: {self.messages()}\nstatus: {self.status()}\n"
                                     f"{self.screen()}\n{self.log()}")
            time.sleep(0.02)
        return seen

    def wait_ghost(self, until: Callable[[str], bool] = bool) -> str:
        """The ghost text, once it is there, and on the screen."""
        ghost = self.wait(self.ghost, until, "ghost text")
        if ghost:
            first = ghost.partition("\n")[0].strip()
            self.wait(self.screen, lambda screen: first in screen, f"{first!r} on the screen")
        return ghost

    def status(self) -> list[str]:
        """What `:Kvlsp status` tells."""
        return list(self.nvim.exec_lua("return require('kvlsp.status').lines()"))

    def type_until_ghost(self, pieces: Iterable[str], patience: float = 3.0) -> str:
        """Types one piece after the other, until something is offered; a model need not have something everywhere."""
        for piece in pieces:
            self.type(piece)
            end = time.monotonic() + patience
            while time.monotonic() < end:
                if self.ghost():
                    time.sleep(0.5)  # what is drawn may be of the moment before
                    return self.wait_ghost()
                time.sleep(0.05)
        raise AssertionError(f"nothing was offered anywhere; status: {self.status()}\n{self.screen()}\n{self.log()}")

    def wait_ready(self) -> None:
        self.wait(lambda: self.nvim.exec_lua("return require('kvlsp.status').get().kind"),
                  lambda kind: kind in ("ready", "computing"), "a daemon that is ready", LOADING)

    def wait_message(self, part: str) -> str:
        found = self.wait(self.messages, lambda messages: any(part in message for message in messages),
                          f"a message with {part!r}")
        return next(message for message in found if part in message)

    # --- what is underneath ------------------------------------------------------------------------------

    def text(self) -> str:
        """The buffer as the editor would send it: its own line ends, the last one too."""
        return str(self.nvim.exec_lua("""
            local eol = ({ dos = '\\r\\n', mac = '\\r', unix = '\\n' })[vim.bo.fileformat]
            local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), eol)
            return vim.bo.endofline and text .. eol or text"""))

    def language_server(self, method: str, params: dict[str, Any]) -> Any:
        """Asks the daemon of this editor, on its own connection; None where it says null."""
        answer = self.nvim.exec_lua("""
            local client = vim.lsp.get_clients({ name = 'kvlsp', bufnr = 0 })[1]
            local answer = require('kvlsp.client').call(client, 'request_sync', ...)
            return answer and vim.json.encode(answer.result == nil and vim.NIL or answer.result)""",
            method, params, 10000, self.nvim.current.buffer.number)
        return json.loads(answer) if answer else None

    def check_same_text(self) -> None:
        """The text that the daemon holds is the buffer's, byte for byte."""
        self._check_text(self.text())

    def check_same_lines(self) -> None:
        """The same, but for a line end at the end: Neovim's changes speak as if it were there in any case."""
        text = self.text()
        self._check_text(text.removesuffix("\n"), text.removesuffix("\n") + "\n")

    def _check_text(self, *texts: str) -> None:
        uri = self.nvim.exec_lua("return vim.uri_from_bufnr(0)")
        state = self.language_server("kvlsp/documentState", {"uri": uri})
        assert state is not None, "the daemon does not know the buffer"
        wanted = [(len(text), hashlib.sha256(text.encode()).hexdigest()) for text in texts]
        assert (state["characters"], state["sha256"]) in wanted

    def daemon(self) -> int:
        """The process id of the daemon; 0 where none runs."""
        return int(self.nvim.exec_lua("""
            for _, process in ipairs(vim.api.nvim_get_proc_children(vim.fn.getpid())) do
              return process
            end
            return 0"""))

    def log(self) -> str:
        logs = list(self.home.rglob("lsp.log"))
        return "\n".join(path.read_text(encoding="utf-8", errors="replace")[-2000:] for path in logs)

    def save_screen(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        (ARTEFACTS / f"{name}.txt").write_text(self.screen() + "\n", encoding="utf-8")


def _lua(text: str) -> str:
    """A Lua string literal."""
    level = "=" * 3
    return f"[{level}[{text}]{level}]"
