"""Options that several commands share: which model, where it runs, machine-readable output."""

from __future__ import annotations

import inspect
import json as json_format
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import typer

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError

ModelOption = Annotated[str, typer.Option(
    "--model", help="Folder, hub id, GGUF file or ollama:NAME; if left out, the default model.", show_default=False)]
DeviceOption = Annotated[str, typer.Option("--device", help="Where the model runs: auto, cpu, cuda or mps.")]
DtypeOption = Annotated[str, typer.Option(
    "--dtype", help="Precision of weights and cache: auto, float32, bfloat16, float16, int8 or int4.")]
ThreadsOption = Annotated[int, typer.Option(
    "--threads", help="How many threads the model uses; 0: one fewer than there are cores.")]
EditorOption = Annotated[int | None, typer.Option(
    "--clientProcessId", help="The editor's process: when it ends, so does the daemon.",
    show_default=False)]
SocketOption = Annotated[int | None, typer.Option(
    "--socket", metavar="PORT", show_default=False,
    help="Talk to the editor that listens at this port of this machine, as some clients do.")]
PipeOption = Annotated[str | None, typer.Option(
    "--pipe", metavar="PATH", help="Talk to the editor that listens at this socket, as some clients do.",
    show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text for people.")]

Options = Mapping[str, tuple[Any, Any]]
"""Parameter names of options, each with its annotation and its default."""

_MODEL_OPTIONS: Final[Options] = {
    "model": (ModelOption, ""),
    "device": (DeviceOption, "auto"),
    "dtype": (DtypeOption, "auto"),
    "threads": (ThreadsOption, 0),
}

Command = Callable[..., None]


def with_model_options(**defaults: Any) -> Callable[[Command], Command]:
    """Gives a command ``--model --device --dtype --threads``; its parameter ``settings`` is what they say.

    ``defaults`` replace the usual ones. The settings are checked as :func:`settings_of` checks them.
    """
    options = {name: (option, defaults.get(name, usual)) for name, (option, usual) in _MODEL_OPTIONS.items()}
    return with_options("settings", options, settings_of)


def with_options(parameter: str, options: Options, make: Callable[..., Any]) -> Callable[[Command], Command]:
    """Gives a command these options in place of one parameter, which becomes ``make(**options)``.

    In the command's help they stand behind its own options, before ``--json``.
    """

    def decorate(command: Command) -> Command:
        def run(**given: Any) -> None:
            chosen = {name: given.pop(name, default) for name, (_, default) in options.items()}
            command(**{parameter: make(**chosen)}, **given)

        keyword = inspect.Parameter.KEYWORD_ONLY
        own = dict(inspect.signature(command, eval_str=True).parameters)
        del own[parameter]
        last = [own.pop("json")] if "json" in own else []
        shared = [inspect.Parameter(name, keyword, default=default, annotation=option)
                  for name, (option, default) in options.items()]
        all_of_them = [each.replace(kind=keyword) for each in (*own.values(), *shared, *last)]
        run.__signature__ = inspect.Signature(all_of_them)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in all_of_them}
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        return run

    return decorate


def settings_of(**chosen: Any) -> Settings:
    """Settings from options of the command line, checked like those of an editor.

    Raises :class:`kvlsp.errors.ConfigurationError` that names the option.
    """
    return Settings.read({name: value for name, value in chosen.items() if value not in ("", None)})


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    json_format.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def dialled(stdio: bool, tcp: str, socket: int | None, pipe: str | None) -> int | str | None:
    """Where the editor listens, if it does. :class:`ConfigurationError` where two ways are named."""
    ways = {"--stdio": stdio, "--tcp": bool(tcp), "--socket": socket is not None, "--pipe": pipe is not None}
    if sum(ways.values()) > 1:
        named = " and ".join(way for way, wanted in ways.items() if wanted)
        raise ConfigurationError(f"kvlsp talks to one editor in one way; leave out all but one of {named}.")
    return pipe if socket is None else socket
