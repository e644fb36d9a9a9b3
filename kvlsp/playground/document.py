"""The file that the page opens. It is read once; what is typed in the page is written nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import kvlsp
from kvlsp import plain_file
from kvlsp.errors import ConfigurationError
from kvlsp.syntax.language import Language

SAMPLE: Final = Path(kvlsp.__file__).parent / "text" / "rope.py"
"""What is shown without a file: code that comes along."""

LONGEST: Final = 8 << 20
"""Bytes."""


def read(file: Path | None) -> Mapping[str, Any]:
    """Name, URI, language and text, in terms of JSON. :class:`ConfigurationError` for what cannot be read."""
    path = (file or SAMPLE).resolve()
    try:
        data = plain_file.read(path, LONGEST)
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"{path} cannot be read ({why}); name a file with text.") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} has more than {LONGEST >> 20} MB; name a shorter file.") from error
    language = Language.of(path.name)
    return {
        "name": path.name,
        "uri": path.as_uri(),
        "language": language.name if language is not None else "plaintext",
        "text": data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"),
        "sample": file is None,
    }
