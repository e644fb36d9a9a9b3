"""Pictures: a canvas of matplotlib's (extra ``train``), and the file that it ends in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kvlsp.errors import ConfigurationError


def require() -> None:
    """Raise :class:`ConfigurationError` where matplotlib is missing, before anything long begins."""
    if find_spec("matplotlib") is None:
        raise ConfigurationError("--plot needs matplotlib: pip install 'kvlsp[train]'.")


@contextmanager
def picture(path: Path, width: float, height: float, panels: int = 1) -> Iterator[tuple[Any, list[Any]]]:
    """A figure of so many inches and its panels side by side; written to ``path`` afterwards, a PNG or an SVG (the same
    bytes for the same figures)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "kvlsp", "svg.fonttype": "none"}):
        figure, found = pyplot.subplots(1, panels, figsize=(width, height), squeeze=False, sharey=panels > 1)
        yield figure, list(found[0])
        figure.tight_layout()
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)
