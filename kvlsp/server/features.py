"""What client and server agree on at ``initialize``: position encoding, capabilities, options.

The client's side is read by hand and with tolerance: a client newer than our types must be able to name kinds we have
never heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kvlsp.config import Settings
from kvlsp.server.commands import COMMANDS
from kvlsp.server.suggest_list import PLAIN, ListFeatures
from kvlsp.text.position import PositionEncoding

LINES_APART = ("vim", "emacs", "eglot", "lsp-mode")
"""In the names of clients whose editors keep lines apart from their ends."""

_INCREMENTAL: Final = 2
"""The protocol's kind of synchronization in which changes have ranges."""


@dataclass(frozen=True, slots=True)
class ClientFeatures:
    """What this client can do and wants, as far as it matters to us."""

    name: str = ""
    """What it calls itself."""
    encoding: PositionEncoding = PositionEncoding.UTF16
    inline_completion: bool = False
    """It names inline completion, were it with null: what is offered to a client that does not breaks some."""
    entries: ListFeatures = PLAIN
    """What it can show of an entry of its suggest list."""
    progress: bool = False
    configuration: bool = False
    """It answers ``workspace/configuration``."""
    register_configuration: bool = False
    """It wants to be asked for ``workspace/didChangeConfiguration``."""
    fallback: bool = True
    """Offer ``textDocument/completion``: it has no inline completion, or asked for the fallback."""
    status: bool = False
    """It gets ``kvlsp/status``: it asked for it, or is a program without a name that says how it shows inline
    completions. Many an editor prints each notification that it does not know, or fails at it."""
    copilot_status: bool = False
    """It asked for ``didChangeStatus`` beside ``kvlsp/status``."""
    asks_again: bool = False
    """It gets ``kvlsp/status``, and asks once more where that says that there is ``more``."""
    text_on_save: bool = False
    """Give the text with ``didSave``. Of Neovim, whose changes do not always add up to its buffer (0.12.4: of two empty
    lines one is deleted), and whose text is known to be that of the moment: it sends waiting changes first."""

    lines_apart: bool = False
    """It keeps lines apart from their ends, and shows an end of two characters that is offered as a stray one (Neovim's
    and Emacs' ``^M``): it is offered line feeds, and writes the file with its own ends."""

    @classmethod
    def read(cls, params: Mapping[str, Any]) -> ClientFeatures:
        """From the parameters of ``initialize``, whatever their shape."""
        capabilities = params.get("capabilities")
        options = params.get("initializationOptions")
        kinds = _at(capabilities, "textDocument")
        inline = _at(kinds, "inlineCompletion") not in (None, False)
        wanted, told = (_option(options, name) for name in ("completionFallback", "status"))
        name = _at(params, "clientInfo", "name")
        status = told if isinstance(told, bool) else inline and not name
        return cls(
            name=name if isinstance(name, str) else "",
            encoding=_encoding(_at(capabilities, "general", "positionEncodings")),
            inline_completion=isinstance(kinds, Mapping) and kinds.get("inlineCompletion", False) is not False,
            entries=ListFeatures.read(_at(kinds, "completion", "completionItem")),
            progress=_at(capabilities, "window", "workDoneProgress") is True,
            configuration=_at(capabilities, "workspace", "configuration") is True,
            register_configuration=_at(
                capabilities, "workspace", "didChangeConfiguration", "dynamicRegistration") is True,
            fallback=wanted if isinstance(wanted, bool) else not inline,
            status=status,
            copilot_status=_option(options, "didChangeStatus") is True,
            asks_again=status and _option(options, "asksAgain") is True,
            text_on_save=name == "Neovim",
            lines_apart=any(apart in str(name).lower() for apart in LINES_APART),
        )


def server_capabilities(client: ClientFeatures, settings: Settings) -> dict[str, Any]:
    """What we offer to this client, as it is written."""
    offered: dict[str, Any] = {
        "positionEncoding": client.encoding.value,
        "textDocumentSync": {"openClose": True, "change": _INCREMENTAL, "save": {"includeText": client.text_on_save}},
        "notebookDocumentSync": {"notebookSelector": [{"notebook": "*"}]},
        "executeCommandProvider": {"commands": list(COMMANDS)},
        "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
    }
    if client.inline_completion:
        offered["inlineCompletionProvider"] = {}
    if client.fallback:
        offered["completionProvider"] = {"triggerCharacters": list(settings.trigger_characters)}
    return offered


def _encoding(offered: object) -> PositionEncoding:
    """The first of the client's choices that we know; UTF-16 is the protocol's default."""
    for name in offered if isinstance(offered, list) else ():
        for encoding in PositionEncoding:
            if name == encoding.value:
                return encoding
    return PositionEncoding.UTF16


def _option(options: object, name: str) -> Any:
    """Beside the settings, in whichever of the ways in which those are written."""
    found = (_at(options, *keys) for keys in ((name,), ("kvlsp", name), (f"kvlsp.{name}",)))
    return next((value for value in found if value is not None), None)


def _at(value: object, *keys: str) -> Any:
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
