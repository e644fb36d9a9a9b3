"""Completions at real places, one by one: what was offered there, why generation stopped, or why nothing was offered.

Python places are carets in held-out files. For the other languages small documents of our own stand in: a model that
was never taught them says nothing of worth there, but where its text is cut shows whether the rules speak them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.laboratory.evaluation.decode_prompts import ordinary
from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.opening.model import Model

CARET = "|>"
"""Marks the caret in :data:`DOCUMENTS`."""

DOCUMENTS: dict[str, str] = {
    "javascript": """import { readFile } from "node:fs/promises";

export async function load(path) {
  const text = await readFile(path, "utf8");
  return JSON.parse(text);
}

export async function loadAll(paths) {
  const found = [];
  for (const path of paths) {
    |>
  }
  return found;
}
""",
    "typescript": """interface Item {
  name: string;
  price: number;
}

export function total(items: Item[]): number {
  return items.reduce((sum, item) => |>, 0);
}
""",
    "typescriptreact": """export function Card({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section>
      <h2>{title}</h2>
      |>
    </section>
  );
}
""",
    "rust": """struct Counter {
    count: u32,
}

impl Counter {
    fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    fn reset(&mut self) {
        |>
    }
}
""",
    "go": """package store

type Store struct {
\titems map[string]int
}

func (s *Store) Add(name string, count int) {
\ts.items[name] += count
}

func (s *Store) Remove(name string) {
\t|>
}
""",
    "java": """class Account {
    private long balance;

    void deposit(long amount) {
        if (amount < 0) {
            throw new IllegalArgumentException("negative amount");
        }
        balance += amount;
    }

    void withdraw(long amount) {
        |>
    }
}
""",
    "c": """#include <stddef.h>

struct node {
    int value;
    struct node *next;
};

size_t length(const struct node *list) {
    size_t count = 0;
    while (list) {
        |>
    }
    return count;
}
""",
    "cpp": """#include <string>
#include <vector>

std::string join(const std::vector<std::string> &parts, const std::string &separator) {
    std::string joined;
    for (size_t i = 0; i < parts.size(); i++) {
        if (i > 0) {
            |>
        }
        joined += parts[i];
    }
    return joined;
}
""",
}


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """One caret. ``offered`` is "" where there is a ``reason`` why not; ``stop`` says what ended the generation."""

    language: str
    place: str
    before: str
    after: str
    offered: str
    stop: str
    reason: str
    tokens: int
    copied: int


def report(model: Model, files: Sequence[SourceFile], count: int, settings: Settings, *, seed: int = 0,
           advance: Callable[[], None] = lambda: None) -> list[PlaceReport]:
    """``count`` places: a quarter of them (one per language at most) in other languages than Python."""
    others = list(DOCUMENTS.items())[: -(-count // 4)]
    found = []
    for prompt in ordinary(files, count - len(others), settings, seed):
        found.append(_at(model, "python", prompt.origin, prompt.text, prompt.caret, settings))
        advance()
    for language, document in others:
        above, _, below = document.partition(CARET)
        found.append(_at(model, language, f"{language} document", above + below, len(above), settings))
        advance()
    return found


def _at(model: Model, language: str, place: str, text: str, caret: int, settings: Settings) -> PlaceReport:
    completion = complete_text(model, text, caret, language, settings)
    before, after = text[:caret].rpartition("\n")[2], text[caret:].partition("\n")[0]
    counted = completion.report
    return PlaceReport(
        language, place, before, after, completion.text, str(counted.get("stop", "")),
        str(completion.reason or ""), counted.get("generated", 0), counted.get("accepted", 0),
    )
