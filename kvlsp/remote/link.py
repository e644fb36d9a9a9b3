"""One conversation with an engine in another process: opened, kept alive, and given up when it is not answered.

The process is asked every few seconds whether it is there, and says how long its model's thread has been at the present
step. One that is silent, or stuck in a step, is ended: what it served goes on with the next one.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from msgspec.msgpack import Decoder

from kvlsp.config import Settings
from kvlsp.errors import EngineRefuses, EngineUnreachable, WireError
from kvlsp.messages import Message
from kvlsp.remote.peer import Handle, check_peer
from kvlsp.wire import handshake, schema
from kvlsp.wire.channel import Channel
from kvlsp.wire.frames import FROM_ENGINE, pack
from kvlsp.wire.messages import Outgoing
from kvlsp.wire.outbox import MOST
from kvlsp.wire.words import to_text

log = logging.getLogger(__name__)

Kind = TypeVar("Kind")

TICK: Final = 5.0
"""Seconds without a frame after which the engine is asked whether it is there."""
SILENCE: Final = 6
"""So many of them without an answer, and it hangs. Counted, not timed: this process may have been stopped itself."""
STUCK: Final = 120.0
"""Seconds in one step of the model after which it hangs."""
LOOK: Final = 0.05
"""Seconds between two looks whether the engine has taken what it was sent."""
HEAPED: Final = 1 << 30
"""Bytes that wait for an engine at most, however alive it is: as many as may be open."""
SHARED: Final = "The shared engine"


class SentElsewhere(EOFError):
    """Nothing comes any more: this end of the engine goes, another one serves whoever comes again."""


class Line(Protocol):
    """What carries frames to an engine and back; :class:`kvlsp.wire.channel.Channel` is one."""

    @property
    def waiting(self) -> int: ...

    def write(self, data: bytes) -> None: ...

    def read(self, kind: Decoder[Kind], patience: float | None) -> Kind | None: ...

    def hang_up(self) -> None: ...

    def close(self) -> None: ...


class Link:
    """``tick`` and ``stuck`` as the constants; a test has no time. ``name`` begins sentences about the engine."""

    def __init__(self, connection: socket.socket | Line, settings: Settings,
                 clock: Callable[[], float] = time.monotonic, *, name: str = SHARED,
                 tick: float = TICK, stuck: float = STUCK) -> None:
        """:class:`EngineUnreachable` or :class:`WireError` when no conversation comes about. The process at the other
        end of a socket is one of this machine, and ended when it hangs; that of another line never is."""
        self._here = isinstance(connection, socket.socket)
        self._name = name
        self._tick, self._stuck = tick, stuck
        self._channel: Line = Channel(connection) if isinstance(connection, socket.socket) else connection
        self._outgoing = Outgoing(clock)
        self._asked = 0
        self._silent = 0
        self._clock = clock
        self._longest = 0
        """Bytes of a message at most, until now."""
        self._sent = self._taken = 0
        """Bytes of all messages, and how many of them the engine had taken when that was last looked at."""
        self._sign = clock()
        """When it last gave one: it took something, or said something."""
        self.why = "ended by itself" if self._here else "cannot be reached any more"
        """How the conversation came to its end."""
        self.process = 0
        """The engine's, as it says."""
        self.on_purpose = False
        """Whether somebody wanted the engine to end."""
        self.refused = False
        """Whether the engine does not want this client; then :attr:`why` is its own sentence."""
        self.elsewhere = False
        """Whether another end of the engine wants it."""
        self._engine = Handle(0)
        try:
            if isinstance(connection, socket.socket):
                self._engine = Handle(check_peer(connection))
            self._greet(settings)
        except BaseException:
            self.close()
            raise

    def send(self, message: Message) -> None:
        """Never waits; one caller at a time. :class:`WireError` for a message that no frame can say."""
        data = self._outgoing.pack(message)
        self._longest, self._sent = max(self._longest, len(data)), self._sent + len(data)
        self._channel.write(data)

    @property
    def behind(self) -> bool:
        """Whether so much waits for the engine that nothing should be added: more than :data:`HEAPED`, or more than
        should wait, and it has given no sign of life for long. Texts that are long, or many at once, say nothing of the
        kind."""
        waiting = self._channel.waiting
        if waiting <= MOST + self._longest:
            self._sign = self._clock()
            return False
        return waiting > HEAPED + self._longest or self._since_sign(waiting) >= SILENCE * self._tick

    def _since_sign(self, waiting: int) -> float:
        """Seconds."""
        now, taken = self._clock(), self._sent - waiting
        if taken > self._taken:
            self._taken, self._sign = taken, now
        return now - self._sign

    def give_up_behind(self) -> None:
        """From any thread: it is too far behind; :meth:`listen` comes to its end."""
        self.why = "did not take what it was sent"
        self._channel.hang_up()

    def wait(self, given_up: threading.Event, hear: Callable[[schema.FromEngine], None]) -> None:
        """Until the engine has taken what it was sent, but for a little; what it says meanwhile is handed over.
        :class:`EngineUnreachable` where it takes nothing for long and says nothing, as one does that is busy."""
        self._sign = self._clock()
        while (waiting := self._channel.waiting) > MOST // 2 and not given_up.is_set():
            try:
                frame = self._channel.read(FROM_ENGINE, LOOK)
            except EOFError as error:
                raise EngineUnreachable(f"{self._name} {self.why}.") from error
            if frame is not None:
                self._take(frame, hear)
            if self._since_sign(waiting) >= SILENCE * self._tick:
                raise EngineUnreachable(f"{self._name} does not take what it is sent.")

    def cancel(self, ticket: int) -> None:
        self._channel.write(pack(schema.Cancel(ticket)))

    def listen(self, hear: Callable[[schema.FromEngine], None]) -> None:
        """Hand over what comes until nothing comes any more, then :attr:`why` says how that was."""
        try:
            while True:
                frame = self._channel.read(FROM_ENGINE, self._tick)
                if frame is None:
                    self._ask()
                else:
                    self._take(frame, hear)
        except SentElsewhere:
            self.elsewhere = True
        except EOFError:
            pass
        except EngineRefuses as error:
            self.why, self.refused = str(error), True
        except WireError as error:
            self.why = f"broke off: {error}"
        finally:
            self.close()

    def _take(self, frame: schema.FromEngine, hear: Callable[[schema.FromEngine], None]) -> None:
        self._silent, self._sign = 0, self._clock()
        match frame:
            case schema.Pong(_, busy):
                if busy >= self._stuck:
                    self._give_up(f"spent {busy:.0f} s at one step of its model")
            case schema.Refused(why):
                raise EngineRefuses(to_text(why))
            case schema.Goodbye(why):
                self.why, self.on_purpose = to_text(why), True
            case _:
                hear(frame)

    def hang_up(self) -> None:
        """Close the connection, so that :meth:`listen` returns; from any thread."""
        self._channel.hang_up()

    def part(self, message: Message) -> None:
        """A last message, and the end; from any thread."""
        with contextlib.suppress(WireError):
            self.send(message)

    def close(self) -> None:
        self._channel.close()
        self._engine.close()

    def _greet(self, settings: Settings) -> None:
        self._channel.write(pack(handshake.hello(settings)))
        try:
            for _ in range(SILENCE):
                answer = self._channel.read(FROM_ENGINE, self._tick)
                if isinstance(answer, schema.Welcome):
                    self.process = answer.process
                    if self._here and not self._engine.process:  # where the system does not tell, the engine does
                        self._engine = Handle(answer.process)
                    return
                if isinstance(answer, schema.Refused):
                    raise EngineRefuses(to_text(answer.why))
        except EOFError as error:
            raise EngineUnreachable(f"{self._name} ended before it answered.") from error
        self._give_up("did not answer a greeting")
        raise EngineUnreachable(f"{self._name} {self.why}.")

    def _ask(self) -> None:
        """Nothing came for a while."""
        if self._silent >= SILENCE:
            self._give_up(f"gave no sign of life for {SILENCE * self._tick:.0f} s")
            return
        self._silent += 1
        self._asked += 1
        self._channel.write(pack(schema.Ping(self._asked)))

    def _give_up(self, why: str) -> None:
        self.why = why
        log.warning("%s %s; %s.", self._name, why, "it is ended" if self._here else "the connection is given up")
        self._engine.kill()
        self._channel.hang_up()
