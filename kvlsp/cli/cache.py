"""``kvlsp cache``: what is kept of documents and of models on disk, so that both are there at once: shown in numbers,
or deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kvlsp.cli.options import JsonOption, print_json
from kvlsp.errors import CacheError

if TYPE_CHECKING:
    from kvlsp.shelf.folder import Folder

app = typer.Typer(help="Show or delete what is kept of documents and models on disk.", no_args_is_help=True,
                  add_completion=False)


@app.command()
def show(json: JsonOption = False) -> None:
    """How much is kept, for which models, and where. The texts are not shown."""
    from kvlsp.opening import kept

    folder, weights = _folder(), kept.weights_folder(0)
    found, rounded = folder.show(), kept.show(weights)
    if json:
        print_json({
            "folder": str(folder.path), "models": [
                {"model": one.name, "documents": one.documents, "tokens": one.rows, "bytes": one.nbytes}
                for one in found],
            "weightsFolder": str(weights.path), "weights": [
                {"model": one.name, "dtype": one.dtype, "bytes": one.nbytes} for one in rounded],
        })  # fmt: skip
        return
    for one in found:
        documents = f"{one.documents} document{'' if one.documents == 1 else 's'}"
        typer.echo(f"{one.name or 'not readable'}: {documents}, {one.rows:,} tokens, {_size(one.nbytes)}")
    total = sum(one.nbytes for one in found)
    typer.echo(f"{_size(total)} in {folder.path}" if found else f"Nothing is kept in {folder.path}.")
    for of_one in rounded:
        name = f"{of_one.name} in {of_one.dtype}" if of_one.dtype else "not readable"
        typer.echo(f"{name}: rounded weights, {_size(of_one.nbytes)}")
    if rounded:
        typer.echo(f"{_size(sum(one.nbytes for one in rounded))} in {weights.path}")


@app.command()
def clear() -> None:
    """Delete all of it. Documents that are open are not touched; kvlsp makes again what it needs."""
    from kvlsp.opening.kept import weights_folder

    count = nbytes = 0
    for folder in (_folder(), weights_folder(0)):
        try:
            files, size = folder.clear()
        except OSError as error:
            raise CacheError(f"Not all that is kept in {folder.path} could be deleted ({error.strerror}). Close the "
                             "editors that use kvlsp, and try again.") from error
        count, nbytes = count + files, nbytes + size
    typer.echo(f"{count} file{'' if count == 1 else 's'} deleted, {_size(nbytes)}.")


def _folder() -> Folder:
    from kvlsp.shelf.folder import Folder, rows_folder

    return Folder(rows_folder(), 0)


def _size(nbytes: int) -> str:
    return f"{nbytes / 1e6:,.1f} MB"
