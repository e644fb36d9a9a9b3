"""The list of packages a corpus is made of (`packages.toml`), read. Names only; nothing is fetched here."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from kvlsp.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]

LIST = Path(__file__).parent / "packages.toml"
#: The sections of the list, and whose packages they name.
REGISTRIES = {"python": "pypi", "javascript": "npm"}


@dataclass(frozen=True)
class Named:
    """Packages of one registry (``pypi`` or ``npm``): those to learn from, and those that are measured on."""

    registry: str
    packages: tuple[str, ...]
    held_out: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """The held-out ones first: copies of them are known before anything else is read."""
        return *self.held_out, *(name for name in self.packages if name not in self.held_out)


def read_list(path: Path = LIST) -> list[Named]:
    """The packages named in ``path``. Raises ConfigurationError when it is no such list."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
        return [
            Named(registry, tuple(sections[name]["packages"]), tuple(sections[name]["held-out"]))
            for name, registry in REGISTRIES.items()
            if name in sections
        ]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is no list of packages: {error}.") from error
