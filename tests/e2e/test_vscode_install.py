"""The Install button of real VS Code on a machine without kvlsp: from the message to a suggestion on the screen.

pip runs as for a user, with its own indexes; only that "kvlsp" means the wheel of this checkout comes from a
constraint in pip's configuration, since kvlsp is on no index. First the configuration is one with which pip must fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support.editors import REPOSITORY, installed
from tests.e2e.support.repetitive import BEGUN, functions
from tests.e2e.support.vscode import VSCode

pytestmark = [pytest.mark.vscode, pytest.mark.timeout(1800)]

INSTALLING = 1500.0
"""Seconds: pip unpacks more than a gigabyte, on a machine that may be busy."""


FAILED = "kvlsp could not be installed: pip install kvlsp failed ({})."


def without_kvlsp(environment: dict[str, str]) -> dict[str, str]:
    """The environment as on a machine where kvlsp is not installed, and none is active."""
    folders = [folder for folder in environment["PATH"].split(os.pathsep) if not (Path(folder) / "kvlsp").exists()]
    rest = {name: value for name, value in environment.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return {**rest, "PATH": os.pathsep.join(folders)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kvlsp as this checkout has it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder),
                    str(REPOSITORY)], check=True, timeout=600)
    [wheel] = folder.glob("kvlsp-*.whl")
    return wheel


@pytest.fixture
def pip_conf(tmp_path: Path) -> Path:
    """pip's configuration; a test may write it anew."""
    return tmp_path / "pip.conf"


@pytest.fixture
def vscode(tmp_path: Path, pip_conf: Path) -> Iterator[VSCode]:
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True)
    environment = {**without_kvlsp(dict(os.environ)), "PIP_CONFIG_FILE": str(pip_conf),
                   "PIP_CACHE_DIR": cache.stdout.strip()}
    python = shutil.which("python3", path=environment["PATH"])
    if python is None or not subprocess.run([python, "-c", "import kvlsp"], cwd=tmp_path, env=environment,
                                            capture_output=True, check=False).returncode:
        pytest.skip("outside of the tests' own environment there is no python3, or kvlsp is installed in it")
    editor = VSCode(installed("vscode", "code-server"), tmp_path / "vscode", environment=environment)
    try:
        yield editor
    finally:
        editor.close()


def said(vscode: VSCode, part: str, patience: float) -> None:
    vscode.wait(vscode.notifications, lambda texts: any(part in text for text in texts), f"a message with {part!r}",
                patience)


def programs(part: str) -> list[str]:
    """Command lines of running programs that contain this."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
        if part in line:
            lines.append(line)
    return lines


def test_a_failed_install_is_tried_again_as_often_as_wished(vscode: VSCode, pip_conf: Path) -> None:
    pip_conf.write_text("[global]\nno-index = true\n", encoding="utf-8")
    vscode.write("table.py", "\n")
    vscode.load()
    said(vscode, "the daemon is not installed on this machine", 60)
    vscode.push("Install")
    said(vscode, FAILED.format("No matching distribution found for kvlsp"), INSTALLING)
    missing = pip_conf.parent / "constraint"
    pip_conf.write_text(f"[install]\nconstraint = {missing}\n", encoding="utf-8")
    vscode.push("Try Again")
    said(vscode, f"No such file or directory: '{missing}'", INSTALLING)
    vscode.screenshot("install-failed-again")


def test_install_says_why_it_fails_and_then_ends_with_a_suggestion(vscode: VSCode, pip_conf: Path,
                                                                   wheel: Path) -> None:
    pip_conf.write_text("[global]\nno-index = true\n", encoding="utf-8")
    vscode.write("table.py", functions(6))
    vscode.load()
    said(vscode, "the daemon is not installed on this machine", 60)
    assert "(error)" in vscode.status()
    vscode.screenshot("install-offered")
    vscode.push("Install")
    said(vscode, FAILED.format("No matching distribution found for kvlsp"), INSTALLING)
    vscode.screenshot("install-failed")

    pip_conf.write_text(f"[install]\nconstraint = {pip_conf.parent / 'constraint'}\n", encoding="utf-8")
    (pip_conf.parent / "constraint").write_text(f"kvlsp @ {wheel.as_uri()}\n", encoding="utf-8")
    vscode.push("Try Again")
    said(vscode, "Installing kvlsp", 60)
    vscode.screenshot("installing")
    vscode.wait(vscode.status, lambda text: "(sparkle)" in text, "a daemon that is ready", INSTALLING)
    environment = str(vscode.data / "User" / "globalStorage" / "kvlsp.kvlsp" / "environment")
    assert programs(f"{environment}/bin/kvlsp serve"), programs("kvlsp")

    vscode.open("table.py")
    vscode.press("Control+End")
    shown = vscode.type_until_ghost(BEGUN)
    vscode.screenshot("installed")
    before = vscode.save("table.py").decode()
    vscode.wait_ghost(lambda ghost: ghost == shown)
    vscode.press("Tab")
    assert vscode.save("table.py").decode() == before + shown
