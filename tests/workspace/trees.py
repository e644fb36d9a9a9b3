"""Small workspaces, written from a dictionary of paths and texts; one of them holds all that must not be read."""

from __future__ import annotations

import os
from pathlib import Path

ALLOWED = {
    "app.py": "from lib.shapes import Circle\n\n\ndef main():\n    return Circle(1)\n",
    "lib/shapes.py": 'class Circle:\n    """A round thing."""\n\n    def __init__(self, radius):\n'
                     "        self.radius = radius\n",
    "lib/kept.py": "KEPT = 1\n",
    "web/view.ts": "export function draw(): void {\n  return;\n}\n",
}

FORBIDDEN = {
    ".env": "PASSWORD=1\n",
    ".env.py": "PASSWORD = 1\n",
    "secrets.py": "PASSWORD = 1\n",
    "deploy_credentials.py": "PASSWORD = 1\n",
    "id_rsa": "key\n",
    "certs/server.key": "key\n",
    "secrets/token.py": "TOKEN = 1\n",
    ".aws/config.py": "TOKEN = 1\n",
    "logo.png": "\x00\x01\x02",
    "notes.txt": "prose\n",
    "web/jquery.min.js": "function a(){}\n",
    "web/api_pb2.py": "A = 1\n",
    "web/node_modules/left/index.js": "function pad() {}\n",
    "env/pyvenv.cfg": "home = /\n",
    "env/lib/thing.py": "THING = 1\n",
    "cache/CACHEDIR.TAG": "Signature\n",
    "cache/thing.py": "THING = 1\n",
    "huge.py": "x = 1\n" * 200_000,
    "ignored.py": "IGNORED = 1\n",
    "build/made.py": "MADE = 1\n",
    "lib/draft_one.py": "DRAFT = 1\n",
    "lib/local/scratch.py": "SCRATCH = 1\n",
    "snap/a.py": "SNAP = 1\n",
    "web/page.test.ts": "function test() {}\n",
}

RULES = {
    ".gitignore": "# a comment\n/ignored.py\nbuild/\nlib/kept.py\n[unclosed\n",
    "lib/.gitignore": "draft_*\n!kept.py\nlocal\n!local/scratch.py\n",
}
EXCLUDE = ("snap/", "*.test.ts")


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def write_forbidden(root: Path) -> list[str]:
    """The tree with all that must not be read, links among it; paths of links come back."""
    write_tree(root, {**ALLOWED, **FORBIDDEN, **RULES})
    links = {"linked.py": root / ".env", "linked_folder": root / "secrets", "linked_out.py": root.parent / "outside.py"}
    (root.parent / "outside.py").write_text("OUTSIDE = 1\n")
    for name, target in links.items():
        os.symlink(target, root / name)
    return list(links)
