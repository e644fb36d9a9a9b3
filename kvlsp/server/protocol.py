"""The JSON-RPC conversation: messages in order, each request answered once, none that ends the daemon.

Handlers run here one after the other in the order of the messages. One that cannot answer yet returns an
:class:`~kvlsp.server.answers.Answer`.
"""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Final, TypeGuard

import msgspec

from kvlsp.errors import KvlspError
from kvlsp.server import bodies, lsp
from kvlsp.server.answers import (
    CANCELLED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NOT_INITIALIZED,
    PARSE_ERROR,
    Answer,
    Outcome,
    Refusal,
    Result,
)
from kvlsp.server.frames import BadFrame, Frame
from kvlsp.server.shape import Misfit, shaped, whole

log = logging.getLogger(__name__)

RequestId = int | float | str
"""A float is whole: 7.0, as encoders of some languages write 7. It goes back as it came."""

Handler = Callable[[Any], Any]

Reply = Callable[[Any, Mapping[str, Any] | None], None]
"""Called with the client's result, or with None and its error."""


MOST_ASKED: Final = 256
"""Questions of ours that may be open: some clients answer none. Of more the oldest are forgotten."""


LONGEST_METHOD: Final = 256
"""Characters of a method's name: a longer one is written into no log and no answer."""


class Stage(Enum):
    NEW = "before initialize"
    RUNNING = "running"
    SHUT_DOWN = "after shutdown"


_STAGE_AFTER = {"initialize": Stage.RUNNING, "shutdown": Stage.SHUT_DOWN}


class Unfit(Refusal):
    """The parameters of a message do not have the protocol's shape."""


class Protocol:
    """One conversation with one client."""

    def __init__(self) -> None:
        self.stage = Stage.NEW
        self.write: Callable[[bytes], object] = lambda data: None
        """Where frames go; never waits. Set by the transport."""
        self.handlers: dict[str, Handler] = {}
        """Each gets the parameters: values of ``lsp.PARAMS``, those of other methods as they came."""
        self.exit: Callable[[], None] = lambda: None
        """What ``exit`` does; set by the server."""
        self.when_unfit: dict[str, Callable[[Any, str], None]] = {}
        """Who cleans up when a notification of that method does not fit: gets its parameters as they came, and a
        sentence that says what is wrong. Without one the client's log gets the sentence."""
        self._unanswered: dict[RequestId, Answer] = {}
        self._asked: dict[str, Reply] = {}

    # --- from the client ---------------------------------------------------------------------------------

    def receive(self, frame: Frame | BadFrame) -> None:
        """One frame as it came off the stream. Raises nothing but what ends the daemon on purpose."""
        if isinstance(frame, BadFrame):
            self._refuse(None, PARSE_ERROR, frame.why)
            return
        try:
            message = bodies.read(frame.body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, PARSE_ERROR, f"A message is not valid JSON ({type(error).__name__}).")
            return
        self.handle_message(message)

    def handle_message(self, message: Any) -> None:
        """One message: a request, a notification, or the client's answer to a request of ours."""
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            request_id = message.get("id") if isinstance(message, dict) else None
            self._refuse(request_id, INVALID_REQUEST, "A message is not a JSON-RPC 2.0 object.")
            return
        method, request_id = message.get("method"), message.get("id")
        if isinstance(method, str) and len(method) > LONGEST_METHOD:
            self._refuse(request_id, METHOD_NOT_FOUND,
                         f"A method's name has {len(method):,} characters; kvlsp knows none that is so long.")
            return
        if isinstance(method, str) and "id" not in message:
            self._notification(method, message.get("params"))
        elif isinstance(method, str):
            self._request(request_id, method, message.get("params"))
        elif "method" not in message and ("result" in message or "error" in message):
            self._response(request_id, message.get("result"), message.get("error"))
        else:
            self._refuse(request_id, INVALID_REQUEST, "A message is not a request, notification or response.")

    def _request(self, request_id: Any, method: str, params: Any) -> None:
        if not is_request_id(request_id):
            self._refuse(None, INVALID_REQUEST, f"The request {method} has no valid id.")
            return
        if request_id in self._unanswered:
            self._refuse(request_id, INVALID_REQUEST, f"The id of the request {method} is in use.")
            return
        answer = self._answer(method, params)
        self._unanswered[request_id] = answer
        answer.deliver_to(partial(self._deliver, request_id))

    def _answer(self, method: str, params: Any) -> Answer:
        """What the handler says, or why it was not asked."""
        try:
            value = self._handler(method)(self._structured(method, params))
        except Refusal as refusal:
            outcome: Outcome = refusal
        except KvlspError as error:
            outcome = Refusal(INVALID_PARAMS, str(error))
        except Exception as error:
            self._report(method, error)
            outcome = Refusal(INTERNAL_ERROR, f"{method} failed inside kvlsp ({type(error).__name__}); "
                                              "its log says where.")
        else:
            self.stage = _STAGE_AFTER.get(method, self.stage)
            if isinstance(value, Answer):
                return value
            outcome = Result(value)
        answer = Answer()
        answer.give(outcome)
        return answer

    def _handler(self, method: str) -> Handler:
        if self.stage is Stage.NEW and method != "initialize":
            raise Refusal(NOT_INITIALIZED, f"The request {method} came before initialize.")
        if self.stage is Stage.SHUT_DOWN:
            raise Refusal(INVALID_REQUEST, f"The request {method} came after shutdown.")
        if self.stage is Stage.RUNNING and method == "initialize":
            raise Refusal(INVALID_REQUEST, "initialize came a second time.")
        handler = self.handlers.get(method)
        if handler is None:
            raise Refusal(METHOD_NOT_FOUND, f"kvlsp does not know the request {method}.")
        return handler

    def _notification(self, method: str, params: Any) -> None:
        if method == "exit":
            self.exit()
        elif method == "$/cancelRequest":
            self._cancel(params)
        elif self.stage is not Stage.RUNNING:
            log.warning("the notification %s came %s and was ignored", method, self.stage.value)
        elif (handler := self.handlers.get(method)) is None:
            log.info("the notification %s is not known and was ignored", method)
        else:
            self._heed(method, params, handler)

    def _heed(self, method: str, params: Any, handler: Handler) -> None:
        try:
            try:
                value = self._structured(method, params)
            except Unfit as unfit:
                self.when_unfit.get(method, self._only_complain)(params, unfit.message)
            else:
                handler(value)
        except (Refusal, KvlspError) as error:
            self.complain(str(error))
        except Exception as error:
            self._report(method, error)
            self.complain(f"{method} failed inside kvlsp ({type(error).__name__}); its log says where.")

    def _only_complain(self, params: Any, why: str) -> None:
        self.complain(why)

    def _cancel(self, params: Any) -> None:
        request_id = params.get("id") if isinstance(params, dict) else None
        answer = self._unanswered.get(request_id) if is_request_id(request_id) else None
        if answer is not None:
            answer.cancel()

    def _structured(self, method: str, params: Any) -> Any:
        """The parameters in the protocol's types; raises :class:`Unfit` that names the places."""
        kind = lsp.PARAMS.get(method)
        if kind is None:
            return params
        try:
            return shaped({} if params is None else params, kind)  # many a client leaves out what would be empty
        except Misfit as misfit:
            raise Unfit(INVALID_PARAMS, f"The parameters of {method} do not fit the protocol: {misfit}. The message "
                                        "was left out; this has to be mended in the editor or its plugin.") from None

    # --- to the client -----------------------------------------------------------------------------------

    def ask(self, method: str, params: Any, reply: Reply) -> None:
        """A request of ours; ``reply`` gets what the client says."""
        request_id = f"kvlsp-{uuid.uuid4()}"
        self._asked[request_id] = reply
        if len(self._asked) > MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def send(self, message: Mapping[str, Any]) -> None:
        """A message as it goes out; values of the protocol's types are written in its terms."""
        body = json.dumps(message, default=msgspec.to_builtins).encode("ascii")
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def complain(self, message: str) -> None:
        """Something is wrong with what the client sent: for its log and ours."""
        log.warning("%s", message)
        self.notify("window/logMessage", lsp.ShowMessageParams(lsp.MessageType.WARNING, message))

    def abandon(self) -> None:
        """The client is gone, or goes: whatever is open is cancelled."""
        for answer in list(self._unanswered.values()):
            answer.cancel()

    def _deliver(self, request_id: RequestId, outcome: Outcome) -> None:
        self._unanswered.pop(request_id, None)
        if isinstance(outcome, Refusal):
            self._refuse(request_id, outcome.code, outcome.message)
        else:
            self.send({"jsonrpc": "2.0", "id": request_id, "result": outcome.value})

    def _refuse(self, request_id: Any, code: int, message: str) -> None:
        log.log(logging.INFO if code == CANCELLED else logging.WARNING, "%s", message)
        self.send({"jsonrpc": "2.0", "id": request_id if is_request_id(request_id) else None,
                   "error": {"code": code, "message": message}})

    def _response(self, request_id: Any, result: Any, error: Any) -> None:
        reply = self._asked.pop(request_id, None) if isinstance(request_id, str) else None
        if reply is None:
            log.info("an answer came to a question that was not asked")
            return
        try:
            reply(result, error if isinstance(error, Mapping) else None)
        except Exception as failure:
            self._report("the client's answer", failure)

    def _report(self, what: str, error: Exception) -> None:
        """Log where a handler failed. The error's own words may hold the user's code, so they go to the debug level
        only."""
        places = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s failed with %s\n%s", what, type(error).__name__, places)
        log.debug("%s failed: %s", what, error)


def is_request_id(value: Any) -> TypeGuard[RequestId]:
    return isinstance(value, str) or whole(value) is not None

