"""``kvlsp models``: what is here, what fits this machine, what to begin with; and fetching a model of the hub."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.options import DeviceOption, JsonOption, ThreadsOption, print_json, settings_of

if TYPE_CHECKING:
    from rich.table import Table

    from kvlsp.catalogue.entry import Entry
    from kvlsp.catalogue.fitting import Fit, Machine

app = typer.Typer(
    help="List models that are here or recommended, and how they fit this machine; fetch one.", add_completion=False
)

FoldersOption = Annotated[
    list[str] | None,
    typer.Option("--in", help="Also list the models in this folder, or the folder itself if it is one. May be given "
                              "several times."),
]

FreshOption = Annotated[bool, typer.Option(
    "--measure", help="Measure this machine again, for instance because it was busy the last time.")]


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    folders: FoldersOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = 0,
    fresh: FreshOption = False, json: JsonOption = False,
) -> None:
    """List models that are here or recommended: the memory they need, and how quick they would be on this machine."""
    if context.invoked_subcommand is not None:
        return
    from kvlsp.catalogue.fitting import best, fit
    from kvlsp.catalogue.here import here
    from kvlsp.catalogue.recommended import RECOMMENDED
    from kvlsp.catalogue.remembered import machine as measured
    from kvlsp.opening import threads as of_forwards

    settings = settings_of(device=device, threads=threads)
    of_forwards.use(settings.threads)
    found = here(folders or ())
    names = {entry.name for entry in found}
    machine = measured(settings.device, fresh=fresh)
    fits = [(one, fit(one, machine)) for one in (*found, *(one for one in RECOMMENDED if one.name not in names))]
    choice = best(fits)
    if json:
        print_json(
            {
                "machine": _machine(machine),
                "models": [{**_model(one, fitted), "recommended": one is choice} for one, fitted in fits],
            }
        )
        return
    typer.echo(
        f"This machine: {machine.device}, {machine.threads} thread{'' if machine.threads == 1 else 's'}, "
        f"{machine.free / 1e9:,.1f} GB free.\n"
    )
    _print(fits, choice)


@app.command()
def fetch(name: Annotated[str, typer.Argument(help="The model's id on the hub, as owner/name.")]) -> None:
    """Fetch a model of the hub, so that it is here when an editor asks for it. If broken off, it goes on next time."""
    from rich.console import Console
    from rich.progress import Progress

    from kvlsp.catalogue.fetching import fetch as fetched
    from kvlsp.catalogue.fetching import offer

    wanted = offer(name)
    typer.echo(
        f"{wanted.name}: {wanted.size / 1e6:,.0f} MB, licence {wanted.licence or 'not named'}"
        f"{'; its terms must be accepted on its page' if wanted.gated else ''}."
    )
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(f"fetching {name}", total=None)

        def progress(share: float | None, text: str) -> None:
            bar.update(task, description=text, total=None if share is None else 1.0, completed=share or 0.0)

        fetched(wanted, progress)
    typer.echo(
        f"{name} is here. Set `model` to it: kvlsp.model in VS Code, :Kvlsp model {name} in Neovim, "
        f"--model {name} elsewhere."
    )


def _machine(machine: Machine) -> dict[str, Any]:
    return {"device": machine.device, "threads": machine.threads, "freeBytes": machine.free}


def _model(entry: Entry, fit: Fit) -> dict[str, Any]:
    return {
        "name": entry.name,
        "where": entry.where,
        "here": entry.here,
        "parameters": entry.parameters,
        "diskBytes": entry.disk,
        "weightBytes": fit.weights,
        "cacheBytes": fit.cache,
        "keyMs": _rounded(fit.key),
        "lineMs": _rounded(fit.line),
        "licence": entry.licence,
        "remark": entry.remark,
        "problem": fit.problem,
        "suits": fit.suits,
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else float(f"{milliseconds:.2g}")


def _print(fits: Sequence[tuple[Entry, Fit]], choice: Entry | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from kvlsp.catalogue.fitting import FELT, TOKENS

    table = Table(box=None, pad_edge=False)
    table.add_column("model", overflow="fold", min_width=34)
    for name in ("weights", "+ cache", "a key", "a line"):
        table.add_column(name, justify="right", no_wrap=True)
    for is_here, title in ((True, "On this machine:"), (False, "On the hub:")):
        table.add_row(title)
        for entry, fit in fits:
            if entry.here is is_here:
                _row(table, entry, fit, entry is choice)
    Console(highlight=False, markup=False).print(table)
    typer.echo()
    for line in _notes(fits):
        typer.echo(line)
    typer.echo(
        f"\nweights, + cache: in memory, the cache with {TOKENS:,} tokens. a key, a line: about how long a key and the "
        f"first token\nbehind it take, and a line of ten tokens; measured once on this machine (again with "
        f"--measure).\n* "
        f"{_advice(choice, FELT)}"
    )


def _row(table: Table, entry: Entry, fit: Fit, chosen: bool) -> None:
    def megabytes(count: int | None) -> str:
        return f"{count / 1e6:,.0f} MB" if count is not None else ""

    def milliseconds(time: float | None) -> str:
        return f"{_rounded(time):,.0f} ms" if time is not None else ""

    mark = "*" if chosen else "!" if fit.problem else " "
    table.add_row(
        f"{mark} {entry.name or 'the default model'}",
        megabytes(fit.weights),
        megabytes(fit.cache),
        milliseconds(fit.key),
        milliseconds(fit.line),
    )


def _notes(fits: Sequence[tuple[Entry, Fit]]) -> Iterator[str]:
    """Licences and remarks, and what hinders a model."""
    for entry, fit in fits:
        about = "; ".join(filter(None, (entry.licence and f"licence {entry.licence}", entry.remark)))
        said = " ".join(filter(None, (about and f"{about}.", fit.problem)))
        if said and entry.name:
            yield f"{'!' if fit.problem else '-'} {entry.name}: {said}"


def _advice(choice: Entry | None, felt: float) -> str:
    if choice is None:
        return f"No model brings a line within {felt:.0f} ms here; the default model is the quickest."
    name = choice.name or "the default model"
    return f"{name} is the largest that brings a line within {felt:.0f} ms here." + (
        "" if choice.here else f" Fetch it: kvlsp models fetch {name}"
    )
