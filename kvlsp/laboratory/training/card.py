"""The model card: how the model was made, on what, and what was measured. Writes Markdown, measures
nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kvlsp.default_model.learned import titles
from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.training.checkpoint import Progress
from kvlsp.laboratory.training.corpus import Corpus, load_corpus
from kvlsp.laboratory.training.curves import draw_curve
from kvlsp.laboratory.training.deny_list import HELD_OUT_PACKAGES
from kvlsp.laboratory.training.examples import PLAIN_SHARE, REPOSITORY_SHARE, SUFFIX_FIRST_SHARE
from kvlsp.laboratory.training.piecemeal import APART_SHARE, CROSSED_SHARE, EDITED_SHARE
from kvlsp.laboratory.training.presets import Preset

CURVE = "learning-curve.png"
MEASUREMENTS = "measurements.json"


NOTES = "notes.md"
HOW, CORPUS = "## How it was made", "## Corpus"
#: What a card says of its making, and must not be lost when the model is trained on.
_LINEAGE = {HOW: "### The model it started from", CORPUS: "### The corpus before"}


def write_card(
    preset: Preset,
    progress: Progress,
    out: Path,
    seed: int,
    init: Path | None = None,
    rate: float = 1.0,
    kept: float = 0.0,
    corpus_path: Path | None = None,
) -> None:
    """Write README.md and, where matplotlib is installed, the learning curve beside the weights in OUT/model.

    Measured numbers are taken from OUT/measurements.json (what `kvlsp evaluate infill --json` and `kvlsp
    evaluate perplexity --json` print, merged), a paragraph of the maker's from OUT/notes.md, when they are there.
    What the card of ``init`` says of that model's making and corpus is kept. ``corpus_path`` is the saved corpus, by
    default OUT/corpus.jsonl.
    """
    corpus = load_corpus(corpus_path or out / "corpus.jsonl")
    folder = out / "model"
    drawn = True
    try:
        draw_curve(
            progress.curve,
            folder / CURVE,
            f"preset {preset.name}, {preset.shape.parameters / 1e6:.1f} M parameters",
        )
    except ConfigurationError:
        drawn = False
    measured: dict[str, Any] = {}
    if (out / MEASUREMENTS).exists():
        measured = json.loads((out / MEASUREMENTS).read_text(encoding="utf-8"))
    notes = (out / NOTES).read_text(encoding="utf-8").strip() if (out / NOTES).exists() else ""
    text = card(preset, progress, corpus, seed, init is not None, measured, drawn, notes, rate, kept)
    if init is not None and (init / "README.md").exists():
        text = with_lineage(text, (init / "README.md").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(text, encoding="utf-8")


def card(
    preset: Preset,
    progress: Progress,
    corpus: Corpus,
    seed: int,
    initialised: bool,
    measured: Mapping[str, Any],
    drawn: bool,
    notes: str = "",
    rate: float = 1.0,
    kept: float = 0.0,
) -> str:
    """The whole card as Markdown, without the lineage."""
    shape = preset.shape
    hours = progress.worked_seconds / 3600
    start = (
        "Started from an earlier model of the same family (`--init`), whose vocabulary is used."
        if initialised
        else "Trained from scratch, with a vocabulary made from the same corpus."
    )
    again = f" --init EARLIER --rate {rate:g}" + (f" --kept {kept:g}" if kept else "") if initialised else ""
    if initialised and kept:
        start += f" What is exported is a mean: {kept:.0%} of that model's weights, the rest of the trained ones."
    parts = [
        "# kvlsp default model",
        "",
        f"{shape.parameters / 1e6:.2f} M parameters, Llama architecture, bfloat16: width {shape.width}, "
        f"{shape.layers} layers, {shape.heads} heads of {shape.head_dim} ({shape.key_value_heads} for "
        f"keys and values), feed-forward {shape.feed_forward}, tied embeddings, "
        f"RoPE theta {shape.theta:,.0f}, positions up to {shape.positions:,}. "
        f"Byte-level BPE of {shape.vocabulary:,} tokens. It knows {titles(corpus.languages())}, and no other language.",
        "",
        HOW,
        "",
        f"`kvlsp train --preset {preset.name} --seed {seed}{again}`: {progress.tokens / 1e6:.1f} M tokens in "
        f"{progress.step:,} steps and {hours:.2f} hours of processor time. {start}",
        "",
        *[
            f"- phase {phase.name}: rows of {phase.length:,} tokens, {phase.rows} a step, "
            f"{phase.share:.0%} of the time"
            + (f", every {phase.long_every}th step one of the last phase" if phase.long_every else "")
            for phase in preset.phases
        ],
        f"- optimizer: Muon for the blocks' matrices (peak {preset.matrix_rate * rate:g}), AdamW for the rest (peak "
        f"{preset.vector_rate * rate:g}); linear decay over the last {preset.decay_share:.0%}",
        f"- pieces of files: {PLAIN_SHARE:.0%} plain, the rest fill-in-the-middle, of that "
        f"{SUFFIX_FIRST_SHARE:.0%} suffix-first (`PRE SUF suffix MID prefix middle END`), the others "
        f"prefix-first; cut at characters; middles weigh {preset.middle_weight:g}; "
        f"{REPOSITORY_SHARE:.0%} of the rows hold several files of a package",
        f"- rows that do not see all before them, as in an edited cache: {EDITED_SHARE:.0%} of the documents have edits"
        f" that what stands behind has not seen, {CROSSED_SHARE:.0%} a jump of the caret; in {APART_SHARE:.0%} of the "
        "rows with several files these were encoded apart",
        "",
        *([notes, ""] if notes else []),
        "## Measured",
        "",
        *_measured(measured),
        *(["", f"![learning curve]({CURVE})"] if drawn else []),
        "",
        CORPUS,
        "",
        *_corpus(corpus),
        "",
    ]
    return "\n".join(parts)


def with_lineage(text: str, earlier: str) -> str:
    """The card with what the ``earlier`` model's card says of its making and its corpus, which are this one's too."""
    for title, under in _LINEAGE.items():
        kept = section(earlier, title)
        if kept:
            own = section(text, title)
            text = text.replace(own, f"{own}\n\n{under}\n\n{kept}", 1)
    return text


def section(text: str, title: str) -> str:
    """What stands under the heading ``title`` (with its ``##``), up to the next of that rank; empty without it."""
    _, found, after = text.partition(f"{title}\n")
    return after.partition("\n## ")[0].strip() if found else ""


def _measured(measured: Mapping[str, Any]) -> list[str]:
    if not measured:
        return ["Nothing yet: run `kvlsp evaluate infill` and `kvlsp evaluate perplexity`."]
    lines = [
        "HumanEval-Infilling; exact match ignores white space at the end, pass rate runs the programs:",
        "",
        "| | problems | exact match | pass rate |",
        "|---|---|---|---|",
    ]
    tables = {
        "this model": measured,
        "this model, `--limit 200`": measured.get("limit_200", {}),
        **measured.get("baselines", {}),
    }
    for name, table in tables.items():
        for kind in ("single_line", "random_span"):
            if kind in table:
                score = table[kind]
                lines.append(
                    f"| {name}, {kind.replace('_', ' ')} | {score['problems']} "
                    f"| {score['exact_match']:.2f} % | {score['pass_rate']:.2f} % |"
                )
    perplexity = measured.get("perplexity", {})
    if "bits_per_byte" in perplexity:
        lines += ["", "Held-out code, the same tokens at each context length:", ""]
        lines += ["| context | bits per byte |", "|---|---|"]
        lines += [f"| {int(context):,} | {bits:.3f} |" for context, bits in perplexity["bits_per_byte"].items()]
    if "middle_loss" in perplexity:
        lines += ["", "Is the suffix used? Nats per token of true middles in held-out files:", ""]
        lines += ["| order | with the suffix | with an empty suffix |", "|---|---|---|"]
        for order, loss in perplexity["middle_loss"].items():
            lines.append(f"| {order.replace('_', '-')} | {loss['with_suffix']:.3f} | {loss['without_suffix']:.3f} |")
    return lines


def _corpus(corpus: Corpus) -> list[str]:
    sizes: Counter[str] = Counter()
    for file in corpus.train:
        sizes[file.package] += len(file.text)
    measured_on = sorted({file.package for file in corpus.held_out})
    held_out = ", ".join(measured_on) or "none of them installed"
    never = [*HELD_OUT_PACKAGES, *(name for name in measured_on if name not in HELD_OUT_PACKAGES)]
    return [
        f"{len(corpus.train):,} files, {sum(sizes.values()) / 1e6:.1f} M characters, deduplicated ("
        + ", ".join(f"{name} {size / 1e6:.1f} M" for name, size in corpus.sizes().items())
        + f"); "
        f"SHA-256 of the texts `{corpus.digest()[:16]}`. Never trained on, nor their copies: "
        f"{', '.join(never)} "
        f"(measured on: {held_out}). Left out: "
        + ", ".join(f"{reason} ({count:,})" for reason, count in sorted(corpus.refused.items()))
        + ".",
        "",
        "Packages (characters, declared licence):",
        "",
        *[
            f"- {name}: {size:,}, {corpus.licences.get(name, 'see the package')}"
            for name, size in sizes.most_common()
            if size >= 20_000
        ],
        "- and smaller ones: " + ", ".join(sorted(name for name, size in sizes.items() if size < 20_000)),
    ]
