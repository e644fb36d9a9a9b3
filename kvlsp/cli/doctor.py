"""``kvlsp doctor``: what is there, what is wrong, how to mend it.

Each check looks at one thing and never raises: what goes wrong is its finding.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

import kvlsp
from kvlsp.cli.options import JsonOption, print_json, with_model_options
from kvlsp.config import MEBIBYTE, Settings
from kvlsp.errors import EngineUnreachable, KvlspError

if TYPE_CHECKING:
    from kvlsp.tokens.tokenizer import Tokenizer

app = typer.Typer(add_completion=False)

NEOVIM_WITH_INLINE_COMPLETION: Final = (0, 12)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``problem`` and ``mend`` are sentences, or empty where all is well."""

    name: str
    value: str
    problem: str = ""
    mend: str = ""


Check = Callable[[Settings], Iterator[Finding]]


@app.command()
@with_model_options()
def doctor(
    settings: Settings,
    gate: Annotated[bool, typer.Option(
        "--gate", help="Also measure how good this model's repaired caches are; the daemon uses the result.")] = False,
    json: JsonOption = False,
) -> None:
    """Check versions, device, memory, model, grammars and editors; the exit code is 1 if something is wrong."""
    findings: list[Finding] = []
    for finding in examine(settings, {**CHECKS, "quality gate": quality_gate} if gate else CHECKS):
        findings.append(finding)
        if not json:
            _print(finding)
    ill = [finding for finding in findings if finding.problem]
    if json:
        print_json({"ok": not ill, "findings": [asdict(finding) for finding in findings]})
    else:
        typer.echo("All is well." if not ill else f"{len(ill)} of {len(findings)} findings need your attention.")
    raise typer.Exit(1 if ill else 0)


def examine(settings: Settings, checks: Mapping[str, Check] | None = None) -> Iterator[Finding]:
    """Every finding, in the order of a report."""
    for name, check in (CHECKS if checks is None else checks).items():
        try:
            yield from check(settings)
        except KvlspError as error:
            yield Finding(name, "", str(error))  # our own errors say what to do
        except Exception as error:
            yield Finding(name, "", f"The check itself failed ({type(error).__name__}: {error}).",
                          "Please report this line.")


def versions(settings: Settings) -> Iterator[Finding]:
    yield Finding("kvlsp", f"{kvlsp.__version__} in {Path(kvlsp.__file__).parent}")
    yield Finding("python", f"{platform.python_version()} ({sys.executable})")
    for name in required_packages():
        try:
            yield Finding(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "", "The package is missing.", f"{sys.executable} -m pip install {name}")


def required_packages() -> list[str]:
    """The names of what kvlsp needs on this system; those of its extras are left out."""
    names = []
    for requirement in metadata.requires("kvlsp") or ():
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name is not None and ";" not in requirement:
            names.append(name.group())
    return names


def device(settings: Settings) -> Iterator[Finding]:
    import torch

    from kvlsp.opening import threads

    threads.use(settings.threads)
    yield Finding("cpu", f"{os.cpu_count() or 1} cores, threads of the model: {torch.get_num_threads()}")
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if available["cuda"]:
        free, total = torch.cuda.mem_get_info()
        yield Finding("cuda", f"{torch.cuda.get_device_name()}, {_mib(free)} of {_mib(total)} free")
    else:
        yield Finding("gpu", "mps" if available["mps"] else "none; the model runs on the CPU")
    if not available.get(settings.device, True):
        yield Finding("device", settings.device, "You asked for this device, but it is not available.",
                      "Leave --device (in an editor: kvlsp.device) at auto, or install a PyTorch that supports it.")


def memory(settings: Settings) -> Iterator[Finding]:
    import torch

    from kvlsp.cache.store import default_bound
    from kvlsp.model.memory import free_memory

    free, bound = free_memory(torch.device("cpu")), settings.cache_mib * MEBIBYTE
    if not bound:
        on_gpu = settings.device in ("auto", "cuda") and torch.cuda.is_available()
        bound = default_bound(free_memory(torch.device("cuda")) if on_gpu else free)
    value = f"{_mib(free)} free, at most about {_mib(bound)} for resident documents"
    if free < 1024 * MEBIBYTE:
        yield Finding("memory", value, "Less than 1 GiB of memory is free.",
                      "Close other programs, or set kvlsp.cacheMib to a small number.")
    else:
        yield Finding("memory", value)


def model(settings: Settings) -> Iterator[Finding]:
    from kvlsp import default_model
    from kvlsp.gguf.place import is_gguf
    from kvlsp.model.checkpoint import as_path
    from kvlsp.opening.model import open_model

    folder = as_path(settings.model) if settings.model else default_model.folder()
    if folder is not None and folder.is_dir():
        files = [file for file in folder.rglob("*") if file.is_file()]
        yield Finding("model folder", f"{folder}, {_mib(sum(file.stat().st_size for file in files))}")
    try:
        loaded = open_model(settings)
    except KvlspError as error:
        mend = "" if settings.model else "Install kvlsp again; the default model comes with it."
        yield Finding("model", settings.model or "default", str(error), mend)
        return
    yield Finding("model", loaded.description)
    proof = "as its GGUF file has it" if is_gguf(settings.model or "") else "ids and texts as published"
    yield tokenizer(loaded.tokenizer, loaded.decoder.vocabulary_size, proof)
    yield Finding("fill in the middle", f"{loaded.template.name}, {loaded.template.order.replace('_', ' ')}")


def tokenizer(made: Tokenizer, rows: int, proof: str = "ids and texts as published") -> Finding:
    """What the model's tokenizer is; ``proof`` says with what it was compared when it was loaded."""
    value = f"{made.vocabulary_size:,} tokens for {rows:,} rows of the model, {proof}"
    if made.vocabulary_size > rows:
        return Finding("tokenizer", value, "Some tokens have no row in the model.",
                       "Fetch the model again: its config.json and tokenizer.json do not fit each other.")
    if made.rule == "whole":
        return Finding("tokenizer", value, "It lets no text be cut in two, so every key tokenizes the whole document.",
                       "Choose another model if your files are long.")
    return Finding("tokenizer", value)


def grammars(settings: Settings) -> Iterator[Finding]:
    from kvlsp.syntax.language import Language, grammars_folder

    languages = Language.all()
    if not languages:
        yield Finding("grammars", str(grammars_folder()), "No language definition was found.",
                      "Install kvlsp again; the grammars come with it.")
    for language in languages:
        try:
            language.parse("")
            yield Finding(f"grammar {language.name}", f"{', '.join(language.endings)}")
        except KvlspError as error:
            yield Finding(f"grammar {language.name}", "", str(error))


def editors(settings: Settings) -> Iterator[Finding]:
    command = shutil.which("kvlsp")
    if command is None:
        place = Path(sys.executable).with_name("kvlsp")
        yield Finding("command", f"not on the PATH; tell your editor to run {place}")
    else:
        yield Finding("command", command)
    neovim = _first_line("nvim", "--version")
    if neovim is not None:
        found = re.search(r"(\d+)\.(\d+)", neovim)
        built_in = found is not None and (int(found[1]), int(found[2])) >= NEOVIM_WITH_INLINE_COMPLETION
        how = "built-in inline completion" if built_in else "ghost text drawn by the plugin"
        yield Finding("neovim", f"{neovim}: {how}")
    code = _first_line("code", "--version")
    if code is not None:
        yield Finding("vs code", code)
    if neovim is None and code is None:
        yield Finding("editors", "none found on the PATH; any editor that speaks the language server protocol will do")


def engine(settings: Settings) -> Iterator[Finding]:
    from kvlsp.cli.engine import sentence
    from kvlsp.remote import asking
    from kvlsp.remote.meeting_place import meeting_folder

    try:
        folder = meeting_folder()
    except EngineUnreachable as error:
        yield Finding("engine", f"each editor has its own: {error}")
        return
    running = asking.engines()
    for one in running:
        yield Finding("engine", sentence(one), one.get("problem", ""), "kvlsp engine stop" if "problem" in one else "")
    if not running:
        yield Finding("engine", f"one for all editors, in {folder}; it is not running now")


def quality_gate(settings: Settings) -> Iterator[Finding]:
    """Measured now, remembered for the daemon. Not among the usual checks: it takes seconds to minutes."""
    from kvlsp.cli.progress import bar
    from kvlsp.laboratory.evaluation.gate import CASES, judge
    from kvlsp.opening.measured import remember
    from kvlsp.opening.model import open_model
    from kvlsp.opening.ready import budgeted

    model = open_model(settings)
    with bar("quality gate", CASES) as advance:
        verdict = judge(budgeted(settings, model), advance=advance)
    remember(settings, model, {"gate": verdict.facts})
    problem, mend = "", ""
    if verdict.policy != "repair":
        does = {"more": "repairs more", "prefill": "prefills"}[verdict.policy]
        problem = f"Repaired caches of this model are too far from full recomputation; the daemon {does} at every edit."
        mend = "You need not do anything; another model may be faster."
    yield Finding("quality gate", str(verdict), problem, mend)
    if settings.dtype in ("int8", "int4"):
        del model
        yield rounding(settings)


def rounding(settings: Settings) -> Finding:
    """What the weights lost when they were rounded."""
    from kvlsp import default_model
    from kvlsp.laboratory.evaluation.rounding_loss import measure

    try:
        return Finding(f"weights in {settings.dtype}", str(measure(settings.model or default_model.folder(),
                                                                  settings.dtype)))
    except KvlspError as error:
        return Finding(f"weights in {settings.dtype}", f"how much rounding lost was not measured: {error}")


CHECKS: Final[dict[str, Check]] = {
    "versions": versions, "device": device, "memory": memory, "model": model, "grammars": grammars,
    "editors": editors, "engine": engine,
}


def _first_line(*command: str) -> str | None:
    """What a program says first; None when there is no such program or it says nothing in time."""
    if shutil.which(command[0]) is None:
        return None
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.stdout.partition("\n")[0].strip() or None


def _mib(count: int) -> str:
    return f"{count / MEBIBYTE:,.0f} MiB"


def _print(finding: Finding) -> None:
    mark = typer.style("wrong", fg="red") if finding.problem else typer.style("   ok", fg="green")
    typer.echo(f"{mark}  {finding.name}: {finding.value}".rstrip())
    for line in (finding.problem, finding.mend):
        if line:
            typer.echo(f"       {line}")
