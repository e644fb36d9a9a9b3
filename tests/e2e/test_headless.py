"""The example of a client in Python runs as it stands in editors/README.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).with_name("headless_example.py")
PAGE = Path(__file__).parents[2] / "editors" / "README.md"


def test_the_example_prints_a_completion():
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=True,
                          timeout=120, env=environment)
    assert done.stdout.strip()


def test_the_page_shows_this_example():
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    shown = [block for block in blocks if "textDocument/inlineCompletion" in block]
    assert shown == [EXAMPLE.read_text(encoding="utf-8")]
