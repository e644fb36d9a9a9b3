"""Fetching the packages of a corpus with the registries' own clients, one archive each, nothing installed.

Wheels only (a source distribution would run its own code while it is fetched) and packages of npm. A name that was
fetched, or refused, is not asked for again. What lies in an archive is `archives.py`'s concern.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kvlsp.laboratory.training.packages import Named

#: Clients at a time: more would be a load on a registry for nothing.
AT_ONCE = 2
PATIENCE_SECONDS = 300.0
_REFUSED = "refused.txt"

Client = Callable[[str, Path], None]


def place_of(folder: Path, registry: str, name: str) -> Path:
    """The folder of one package's archive below ``folder``."""
    return folder / registry / name.replace("/", "__")


def archive_of(folder: Path, registry: str, name: str) -> Path | None:
    """The fetched archive of a package, or None."""
    place = place_of(folder, registry, name)
    found = sorted(path for path in place.glob("*") if path.suffix in (".whl", ".tgz"))
    return found[0] if found else None


def fetch(
    lists: Iterable[Named], folder: Path, clients: dict[str, Client] | None = None
) -> Iterator[tuple[str, str, str]]:
    """Fetch what is not there yet; yields (registry, name, what became of it) as each is done."""
    clients = clients or {"pypi": _pip, "npm": _npm}
    wanted = [(named.registry, name) for named in lists for name in named.all]

    def one(item: tuple[str, str]) -> tuple[str, str, str]:
        registry, name = item
        place = place_of(folder, registry, name)
        if archive_of(folder, registry, name) is not None:
            return registry, name, "there"
        if (place / _REFUSED).exists():
            return registry, name, "refused before"
        part = place.with_name(place.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            clients[registry](name, part)
        except (subprocess.SubprocessError, OSError) as error:
            (part / _REFUSED).write_text(f"{type(error).__name__}\n", encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        part.replace(place)
        return registry, name, "refused" if (place / _REFUSED).exists() else "fetched"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, wanted)


def _pip(name: str, place: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    _run([*command, "--no-cache-dir", "--dest", str(place), name], place)


def _npm(name: str, place: Path) -> None:
    # `pack` of a name in a registry copies its archive; scripts of a package run only when it is installed
    _run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(place), name], place)


def _run(command: list[str], place: Path) -> None:
    subprocess.run(
        command, cwd=place, check=True, timeout=PATIENCE_SECONDS,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
