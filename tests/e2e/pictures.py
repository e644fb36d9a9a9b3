"""Pictures of the playground for the README, made from the real page: ``python -m tests.e2e.pictures``.

Writes ``docs/pictures/playground.png`` and the moving ``docs/pictures/gestures.webp``: typing, a suggestion, a line
inserted far above, the suggestion taken. Needs what the browser tests need, and Pillow (which matplotlib brings along).
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from kvlsp.playground.document import SAMPLE
from tests.e2e.support.chromium import Chromium
from tests.e2e.support.editors import REPOSITORY

PICTURES = REPOSITORY / "docs" / "pictures"
SIZE = (1440, 900)
SHOWN = (1080, 675)
TYPED = "text = node."


class Film:
    """Pictures of a page, each with the time that it stands, in milliseconds."""

    def __init__(self, page: Chromium) -> None:
        self._page = page
        self._pictures: list[Image.Image] = []
        self._times: list[int] = []

    def take(self, stands: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            self._page.do("screenshot", path=str(path))
            self._pictures.append(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))
        self._times.append(stands)

    def save(self, path: Path) -> None:
        first, *others = [picture.resize(SHOWN, Image.Resampling.LANCZOS) for picture in self._pictures]
        first.save(path, save_all=True, append_images=others, duration=self._times, loop=0, quality=62, method=6)


def rest(page: Chromium) -> None:
    page.wait(lambda: "all exact" in page.text("#rows"), "a cache that is exact")


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    process = subprocess.Popen([sys.executable, "-m", "kvlsp", "playground", "--no-browser"], stdout=subprocess.PIPE,
                               text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert process.stdout is not None
    address = re.search(r"http://127[^ ]+", process.stdout.readline())
    assert address is not None
    page = Chromium(size=SIZE)
    try:
        page.do("look", width=SIZE[0], height=SIZE[1], scheme="dark")
        page.do("open", url=address[0])
        rest(page)
        page.do("press", key="End")
        page.do("press", key="Enter")
        rest(page)
        film = Film(page)
        film.take(900)
        for letter in TYPED:
            page.do("press", key="Space" if letter == " " else letter)
            film.take(110)
        page.wait(lambda: page.text(".ghost"), "a suggestion")
        film.take(1500)
        rest(page)
        film.take(900)
        page.do("click", selector="#line-above")
        page.wait(lambda: "inserted, and the caret" in page.text("#stroke-title"), "the gesture")
        film.take(400)
        page.wait(lambda: page.text(".ghost"), "a suggestion")
        time.sleep(0.6)
        film.take(2800)
        page.do("screenshot", path=str(PICTURES / "playground.png"))
        said = f"{page.text('#numbers')}, {page.text('#answer')}"
        page.do("press", key="Tab")
        film.take(400)
        time.sleep(0.6)
        film.take(1400)
        rest(page)
        film.take(1200)
        film.save(PICTURES / "gestures.webp")
    finally:
        page.close()
        process.terminate()
        process.wait(20)
    print(f"{SAMPLE.name}: {said}")


if __name__ == "__main__":
    main()
