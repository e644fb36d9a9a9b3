"""The training: corpus, vocabulary, network, phases, checkpoints, export, all by the function `train`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kvlsp.errors import ConfigurationError, ModelBroken
from kvlsp.laboratory.training import checkpoint
from kvlsp.laboratory.training.clock import BudgetClock
from kvlsp.laboratory.training.corpus import Corpus, build_corpus, default_folders, load_corpus, save_corpus
from kvlsp.laboratory.training.export import export, initialise_from
from kvlsp.laboratory.training.feeder import Batch, Feeder
from kvlsp.laboratory.training.held_out import HeldOut
from kvlsp.laboratory.training.memory import keep_freed_memory
from kvlsp.laboratory.training.network import Network, autocast, weighted_loss
from kvlsp.laboratory.training.optimizer import optimizers, rate_factor
from kvlsp.laboratory.training.piecemeal import mark_unseen
from kvlsp.laboratory.training.presets import Phase, Preset
from kvlsp.laboratory.training.vocabulary import Vocabulary, train_vocabulary

VOCABULARY_SAMPLE = 40_000_000


@dataclass(frozen=True)
class Report:
    """What a training says about itself now and then."""

    step: int
    phase: str
    tokens: int
    fraction: float
    tokens_per_second: float
    loss: float
    held_out_bits_per_byte: float | None = None


def train(
    preset: Preset,
    out: Path,
    folders: Sequence[Path] = (),
    *,
    budget_minutes: float | None = None,
    until: float | None = None,
    resume: bool = False,
    init: Path | None = None,
    vocabulary_file: Path | None = None,
    rate: float = 1.0,
    kept: float = 0.0,
    seed: int = 0,
    compiled: bool = True,
    max_steps: int | None = None,
    pause_minutes: float | None = None,
    measure_seconds: float = 120.0,
    report: Callable[[Report], None] = lambda _: None,
) -> checkpoint.Progress:
    """Train `preset` on the Python files below `folders`, or on a saved corpus if that is what is named, and leave a
    checkpoint and an exported model in `out`.

    `budget_minutes` are of processor time, `until` is a time (seconds since the epoch) that ends the training
    in any case. With `resume` the checkpoint in `out` is continued. `init` names an exported model to start
    from; its vocabulary is used, otherwise that in `vocabulary_file` (a tokenizer.json), otherwise a new one. `rate`
    is a factor on the preset's peak rates: below 1 for a model that has learned before. `kept` is the share of
    `init`'s weights in the export, a mean. `max_steps` ends early without the decay, for trials; `pause_minutes`
    ends the run after so long with a checkpoint to resume from, the schedule untouched. Raises ModelBroken.
    """
    keep_freed_memory()
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    path = prepared_corpus(out, folders)
    corpus = load_corpus(path)
    given = init / "tokenizer.json" if init is not None else vocabulary_file
    vocabulary = prepared_vocabulary(out, corpus, preset.shape.vocabulary, given)
    held_out, languages = HeldOut(corpus, vocabulary, preset.shape.positions), corpus.languages()
    del corpus  # hundreds of megabytes, which the feeder reads again for itself
    device = torch.device(preset.device if preset.device == "cpu" or torch.cuda.is_available() else "cpu")
    network = Network(preset.shape)
    if init is not None:
        initialise_from(network, init)
    network.to(device)
    steps = optimizers(network, preset.matrix_rate * rate, preset.vector_rate * rate, preset.weight_decay)
    saved = out / "checkpoint"
    feeder = Feeder(path, out / "tokenizer.json", preset.phases, seed, preset.middle_weight, preset.lanes)
    progress = checkpoint.Progress(cursors=feeder.first())
    if resume and checkpoint.exists(saved):
        progress = checkpoint.restore(saved, network, steps)
    if compiled:
        network.compile_blocks()
    # a process that waits for a GPU burns processor time or not, as the driver likes: count the wall there
    work = time.process_time if device.type == "cpu" else time.monotonic
    clock = BudgetClock(budget_minutes or preset.budget_minutes, until, progress.fraction, work)
    begun, begun_worked = time.monotonic(), progress.worked_seconds
    last_measured = last_time = begun
    last_tokens, losses = progress.tokens, list[float]()

    def leave() -> None:
        checkpoint.save(saved, network, steps, progress)
        export(network, vocabulary, out / "model", init, kept, languages)

    with feeder:
        while progress.fraction < 1.0 and (max_steps is None or progress.step < max_steps):
            if pause_minutes is not None and time.monotonic() - begun > pause_minutes * 60:
                break
            number = phase_at(preset.phases, progress.fraction, progress.step)
            phase = preset.phases[number]
            batch, progress.cursors[number] = feeder.batch(number, progress.cursors[number])
            factor = rate_factor(
                progress.step, progress.fraction, preset.warmup_steps, preset.decay_share, preset.final_rate
            )
            for optimizer in steps:
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * factor
            apart = progress.step % preset.unseen_every == 0
            losses.append(_step(network, steps, batch, device, compiled, apart))
            progress.step += 1
            progress.tokens += phase.length * phase.rows
            progress.fraction = clock.tick()
            progress.worked_seconds = begun_worked + clock.worked
            now = time.monotonic()
            measure = now - last_measured > measure_seconds or progress.fraction >= 1.0
            if progress.step % 20 and not measure:
                continue
            speed = (progress.tokens - last_tokens) / max(1e-9, now - last_time)
            loss = float(np.mean(losses))
            bits = held_out.bits_per_byte(network, device) if measure else None
            if bits is not None:
                progress.curve.append(
                    {
                        "step": progress.step,
                        "tokens": progress.tokens,
                        "seconds": progress.worked_seconds,
                        "fraction": progress.fraction,
                        "loss": loss,
                        "held_out_bits_per_byte": bits,
                    }
                )
                leave()
                last_measured = time.monotonic()
            report(Report(progress.step, phase.name, progress.tokens, progress.fraction, speed, loss, bits))
            last_tokens, last_time, losses = progress.tokens, time.monotonic(), []
        leave()
    return progress


def prepared_corpus(out: Path, given: Sequence[Path]) -> Path:
    """The saved corpus to train on: the file in ``given``, or the one in `out`, made of the folders in ``given``
    (default: this interpreter's files) if it is not there yet.
    """
    files = [path for path in given if path.is_file()]
    if files and len(given) > 1:
        raise ConfigurationError("Give one saved corpus, or folders of Python files, not both.")
    if files:
        return files[0]
    path = out / "corpus.jsonl"
    if not path.exists():
        save_corpus(build_corpus(given or default_folders()), path)
    return path


def prepared_vocabulary(out: Path, corpus: Corpus, size: int, given: Path | None) -> Vocabulary:
    """The `given` vocabulary, or the one saved in `out`, or a new one from a sample of the corpus.

    Raises ModelBroken when there is none in `given`, or one of another size.
    """
    path = out / "tokenizer.json"
    if given is not None:
        try:
            path.write_bytes(given.read_bytes())
        except OSError as error:
            raise ModelBroken(f"There is no vocabulary at {given}: {error.strerror}.") from error
    elif not path.exists():
        stride = max(1, sum(len(file.text) for file in corpus.train) // VOCABULARY_SAMPLE)
        train_vocabulary((file.text for file in corpus.train[::stride]), size).save(str(path))
    vocabulary = Vocabulary.load(path)
    if vocabulary.size > size:
        raise ModelBroken(f"The vocabulary has {vocabulary.size} tokens, the preset {size}. Use another one.")
    return vocabulary


def phase_at(phases: Sequence[Phase], fraction: float, step: int = 0) -> int:
    """Which phase's rows `step` takes, when `fraction` of the budget is spent."""
    end = 0.0
    for number, phase in enumerate(phases):
        end += phase.share
        if fraction < end:
            every = phases[number].long_every
            return len(phases) - 1 if every and step % every == every - 1 else number
    return len(phases) - 1


def _step(
    network: Network,
    steps: list[torch.optim.Optimizer],
    batch: Batch,
    device: torch.device,
    compiled: bool,
    apart: bool,
) -> float:
    """One optimizer step on a batch; the weighted mean cross-entropy before it, in nats. ``apart``: rows do not see
    what the batch says they have not seen.
    """
    rows = torch.from_numpy(batch.ids).to(device)
    weigh = torch.from_numpy(batch.weights).to(device)[:, 1:].flatten()
    length = rows.shape[1] - 1
    unseen = torch.zeros(len(rows), length, length, dtype=torch.bool, device=device) if apart else None
    for mask, found in zip(unseen, batch.unseen, strict=True) if unseen is not None else ():
        mark_unseen(mask, found)
    with autocast(device):
        hidden = network(rows[:, :-1], unseen)
    total, _ = weighted_loss(
        hidden.flatten(0, 1), network.embedding.weight, rows[:, 1:].flatten(), weigh, compiled=compiled
    )
    loss = total / weigh.sum()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    for optimizer in steps:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return loss.item()
