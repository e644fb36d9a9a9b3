"""``kvlsp context``: what of the other files kvlsp would show the model at a place, and why. Runs no model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.caret import Caret, CaretArgument
from kvlsp.cli.options import JsonOption, print_json, settings_of
from kvlsp.cli.project import root_of
from kvlsp.config import Settings
from kvlsp.errors import WorkspaceError

if TYPE_CHECKING:
    from kvlsp.workspace.chunk import Chunk
    from kvlsp.workspace.index import Index

app = typer.Typer(add_completion=False)


@app.command()
def context(
    place: CaretArgument,
    root: Annotated[str, typer.Option(
        "--root", help="The workspace; if left out, the nearest folder above with a repository or a project file.",
        show_default=False)] = "",
    exclude: Annotated[list[str] | None, typer.Option(
        "--exclude", help="A glob of files that are never read; repeat for more.")] = None,
    tokens: Annotated[int, typer.Option(
        "--tokens", min=0, help="Show at most about this many tokens; in an editor the setting crossFileTokens.",
    )] = Settings().cross_file_tokens,
    json: JsonOption = False,
) -> None:
    """Show which pieces of other files fit a place of a file, the best first, and why."""
    settings = settings_of(exclude=tuple(exclude or ()))
    caret = Caret.read(place)
    path = caret.path.resolve()
    folder = Path(root).resolve() if root else root_of(path)
    if not folder.is_dir():
        raise WorkspaceError(f"{folder} is not a folder. Name the folder of the workspace with --root.")
    if not path.is_relative_to(folder):
        raise WorkspaceError(f"{path} is not inside {folder}. Name the folder of its workspace with --root.")

    from kvlsp.workspace.ignore import Rules
    from kvlsp.workspace.index import Index
    from kvlsp.workspace.reader import Reader
    from kvlsp.workspace.retrieval import retrieve
    from kvlsp.workspace.service import tokens as measure

    reader = Reader()
    index = Index(Rules(folder, settings.exclude), outline=reader)
    try:
        read = _scan(index)
        chunks = retrieve(caret.text, caret.offset, path, [index], budget=tokens, measure=measure, outliner=reader)
        report = _report(index, read, chunks, tokens)
    finally:
        index.close()
        reader.close()
    if json:
        print_json(report)
    else:
        _print(report)


def _scan(index: Index) -> int:
    """Bring the index up to date; how many files had to be read. Shows progress on standard error, to people only."""
    from rich.console import Console

    read = 0
    with Console(stderr=True).status("looking for changed files ...") as status:
        for progress in index.scan():
            if progress.total:
                read = progress.total
                status.update(f"reading {progress.done} of {progress.total} changed files ...")
    return read


def _report(index: Index, read: int, chunks: tuple[Chunk, ...], budget: int) -> dict[str, Any]:
    from kvlsp.workspace.service import tokens

    size = index.size()
    problems = [*index.rules.problems, *([index.problem] if index.problem else []), *index.passed_over]
    if index.truncated:
        problems.append("There are more files than kvlsp indexes; the rest is left out. Exclude some with --exclude.")
    if not index.ranks:
        problems.append("This Python's SQLite lacks FTS5, so no similar pieces are looked for.")
    return {
        "root": str(index.root), "files": size.files, "definitions": size.definitions, "read": read,
        "refused": {str(refusal): count for refusal, count in index.walked.refused.most_common()},
        "problems": problems, "budget": budget, "tokens": sum(tokens(chunk.text) for chunk in chunks),
        "characters": sum(len(chunk.text) for chunk in chunks),
        "chunks": [{"path": chunk.path, "line": chunk.line + 1, "end": chunk.end, "kind": chunk.kind,
                    "name": chunk.name, "reason": chunk.reason, "score": round(chunk.score, 2), "text": chunk.text}
                   for chunk in chunks],
    }


def _print(report: dict[str, Any]) -> None:
    typer.echo(f"Indexed under {report['root']}: files: {report['files']} ({report['read']} of them read just now), "
               f"definitions: {report['definitions']}.")
    if report["refused"]:
        typer.echo("Never read: " + ", ".join(f"{why} ({count})" for why, count in report["refused"].items()) + ".")
    for problem in report["problems"]:
        typer.echo(problem, err=True)
    for number, chunk in enumerate(report["chunks"], 1):
        score = f", {chunk['score']}" if chunk["kind"] == "definition" else ""
        typer.echo(f"\n{number}. {chunk['path']}:{chunk['line']} ({chunk['kind']}{score}) {chunk['reason']}")
        typer.echo("\n".join("   | " + line for line in chunk["text"].split("\n")))
    typer.echo(f"\n{len(report['chunks'])} chunks, about {report['tokens']} of {report['budget']} tokens."
               if report["chunks"] else "\nNothing in the other files fits this place.")
