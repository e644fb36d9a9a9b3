"""The daemon, for one editor: its streams, its log, its engine."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Collection
from typing import NoReturn

from kvlsp.address import Address, is_address
from kvlsp.cli.arrangement import Arranged, SharedLike
from kvlsp.cli.home import NOTHING_IS_KEPT, provide_home
from kvlsp.cli.streams import INPUT, OUTPUT
from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.lookout.post import Post
from kvlsp.messages import Event
from kvlsp.server import logs, stderr, transport
from kvlsp.server.parent import watch_parent
from kvlsp.server.secret import secret_file
from kvlsp.server.server import EngineLike, KvlspServer
from kvlsp.server.starting import StartingEngine

log = logging.getLogger(__name__)


VARIABLE = "KVLSP_ENGINE"
"""In the environment: the setting ``engine``, where no option names it."""


def run(settings: Settings | None = None, *, tcp: str = "", dial: int | str | None = None,
        closed: Collection[str] = (), editor: int | None = None) -> NoReturn:
    """Serve an editor, to the end of the process. Without ``settings`` they are those of a start without options.

    ``tcp``: where to listen, instead of the standard streams; ``dial``: a port or a path at which the editor does.
    ``closed``: the standard streams that were closed. ``editor``: the process with which the daemon ends, where an
    option names it; the first message may, too.
    """
    if settings is None:
        settings = Settings.read({"engine": os.environ.get(VARIABLE) or None})
    missing = [] if tcp or dial is not None else [stream for stream in (INPUT, OUTPUT) if stream in closed]
    if missing:
        raise ConfigurationError(f"kvlsp cannot speak with an editor, because {' and '.join(missing)} "
                                 f"{'is' if len(missing) == 1 else 'are'} closed. Start it with both open, or with "
                                 "--tcp.")

    def beside(ls: KvlspServer) -> Post:
        watch_parent(editor, ls.loop, ls.finish)
        return Post(ls)

    with stderr.carried():
        logs.configure(settings.trace)
        if provide_home():
            log.warning(NOTHING_IS_KEPT)
        if tcp:
            code = transport.serve_tcp(make_engine, settings, tcp, _say_address, beside)
        elif dial is not None:
            code = transport.serve_dialled(make_engine, settings, dial, beside)
        else:
            if sys.stdin.isatty():
                _say("kvlsp is waiting here for an editor to speak with it. kvlsp --help says what else it can do.")
            code = transport.serve_stdio(make_engine, settings, beside)
        logging.shutdown()
    # Not by typer.Exit: a thread that imports or loads a model cannot be interrupted, and the interpreter's
    # tidy end would wait for it. The engine has stopped, nothing is left to be written.
    os._exit(code)


def make_engine(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
    """The engine that the settings ask for."""
    if is_address(settings.engine):
        return team_engine(settings, events)
    return Arranged(settings, events, shared_engine, own_engine)


def team_engine(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
    """The engine at an address."""
    from kvlsp.remote.engine import RemoteEngine
    from kvlsp.remote.team import OfTheTeam

    return RemoteEngine(settings, events, way=OfTheTeam(Address.read(settings.engine)))


def shared_engine(settings: Settings, events: Callable[[Event], None],
                  given_up: Callable[[str], None] = lambda why: None) -> SharedLike:
    """The engine that other editors of this user have too. ``given_up``: see :class:`OfThisMachine`."""
    from kvlsp.remote.engine import RemoteEngine
    from kvlsp.remote.finding import find
    from kvlsp.remote.way import OfThisMachine

    return RemoteEngine(settings, events, way=OfThisMachine(find, given_up))


def own_engine(settings: Settings, events: Callable[[Event], None]) -> EngineLike:
    """An engine in this process, put together in the background."""

    def build() -> EngineLike:
        from kvlsp.engine.engine import Engine

        return Engine(settings, events)

    return StartingEngine(build, events)


def _say_address(host: str, port: int) -> None:
    _say(f"kvlsp listens on {f'[{host}]' if ':' in host else host}:{port}.")
    file = secret_file(host, port)
    if file.is_file():
        _say(f"The editor has to send the secret in {file} as initializationOptions.token.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
