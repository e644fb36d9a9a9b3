"""The beginning, the settings and the end of a conversation.

The engine begins to load at ``initialize``, so that it is ready when the first document is. Handlers: see
``handlers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import kvlsp
from kvlsp.address import is_address
from kvlsp.messages import Configure
from kvlsp.server import folders, logs, lsp
from kvlsp.server.features import ClientFeatures, server_capabilities
from kvlsp.server.parent import watch_parent
from kvlsp.server.wishes import globs_not_understood

if TYPE_CHECKING:
    from kvlsp.server.server import KvlspServer


def initialize(ls: KvlspServer, params: Any) -> dict[str, Any]:
    params = params if isinstance(params, Mapping) else {}
    ls.client = ClientFeatures.read(params)
    problems = ls.configuration.begin(params.get("initializationOptions"))
    if params.get("trace") in ("messages", "compact", "verbose"):
        logs.set_level(params["trace"])
    ls.apply_settings()
    ls.status.wanted, ls.status.copilot = ls.client.status, ls.client.copilot_status
    ls.work.enabled = ls.client.progress
    watch_parent(params.get("processId"), ls.loop, ls.finish)
    ls.start_engine()
    folders.set_folders(ls, folders.folders_of(params))
    problems += globs_not_understood(ls.settings)
    ls.loop.call_soon(_complain_of, ls, problems)  # nothing may be sent before the answer
    return {"capabilities": server_capabilities(ls.client, ls.settings),
            "serverInfo": {"name": "kvlsp", "version": kvlsp.__version__}}


def initialized(ls: KvlspServer, params: Any) -> None:
    ls.beside.open()
    if ls.client.register_configuration:
        registration = {"id": "kvlsp-configuration", "method": "workspace/didChangeConfiguration",
                        "registerOptions": {"section": "kvlsp"}}
        ls.protocol.ask("client/registerCapability", {"registrations": [registration]}, lambda _result, _error: None)
    if ls.client.configuration:  # many push nothing before something changes
        _ask_configuration(ls)


def shutdown(ls: KvlspServer, params: Any) -> None:
    ls.tickets.refuse_all("The server shuts down.")
    ls.cross_file.stop(0)


def did_change_configuration(ls: KvlspServer, params: lsp.DidChangeConfigurationParams) -> None:
    if params.settings:
        _configured(ls, ls.configuration.push(params.settings))
    elif ls.client.configuration:
        _ask_configuration(ls)


def _ask_configuration(ls: KvlspServer) -> None:
    ls.protocol.ask("workspace/configuration", {"items": [{"section": "kvlsp"}]}, partial(_told, ls))


def _told(ls: KvlspServer, sections: object, error: Mapping[str, Any] | None) -> None:
    """The client's answer about its configuration."""
    if error is None and isinstance(sections, list) and sections:
        _configured(ls, ls.configuration.whole(sections[0]))


def _configured(ls: KvlspServer, problems: list[str]) -> None:
    _complain_of(ls, problems)
    before = ls.settings.engine
    if ls.apply_settings():
        _tell_of_address(ls, before)
        _complain_of(ls, globs_not_understood(ls.settings))
        ls.post(Configure(ls.settings))


def _tell_of_address(ls: KvlspServer, before: str) -> None:
    """A team's engine is connected to, and left, only at a start; whoever changes the setting is told where the text
    still goes."""
    begun, wish = ls.begun_with, ls.settings.engine
    if wish in (before, begun) or not (is_address(wish) or is_address(begun)):
        return
    until = f" Until then your text still goes to {begun}." if is_address(begun) else ""
    ls.show(lsp.MessageType.WARNING,
            f"kvlsp: The setting engine has changed; restart the editor for it to take effect.{until}")


def set_trace(ls: KvlspServer, params: lsp.SetTraceParams) -> None:
    logs.set_level(params.value)


def ignore(ls: KvlspServer, params: Any) -> None:
    """Nothing to do, but the client may say so."""


def _complain_of(ls: KvlspServer, problems: list[str]) -> None:
    for problem in problems:
        ls.show(lsp.MessageType.WARNING, problem)
