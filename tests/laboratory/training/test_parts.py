from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.laboratory.training.parts import cut_into_parts, split_functions


def test_functions_stand_alone_at_the_left_margin():
    text = (
        "import os\n\n\nclass Box:\n    @property\n    def size(\n        self,\n    ) -> int:\n"
        "        if self:\n            return 1\n\n        return 2\n\n    def short(self): pass\n\n\n"
        "async def main():\n    await run()\n    return 0\n\n\nmain()\n"
    )
    assert split_functions(text, "box.py") == [
        "def size(\n    self,\n) -> int:\n    if self:\n        return 1\n\n    return 2\n",
        "async def main():\n    await run()\n    return 0\n",
    ]
    assert split_functions("x = 1\n", "box.py") == []


def test_functions_in_braces_end_with_their_brace():
    text = (
        "import { run } from './run';\n\n"
        "export class Box extends Base {\n  #size = 0;\n\n"
        "  get size(): number {\n    if (this.#size) {\n      return 1;\n    } else {\n      return 2;\n    }\n  }\n\n"
        "  private async grow(\n    by: number,\n  ): Promise<void> {\n    this.#size += by;\n  }\n}\n\n"
        "export const twice = (x: number): number => {\n  return 2 * x;\n};\n\n"
        "export default async function main() {\n  await run();\n  return 0;\n}\n\n"
        "if (main()) {\n  twice(1);\n  twice(2);\n}\n"
    )
    assert split_functions(text, "box.ts") == [
        "get size(): number {\n  if (this.#size) {\n    return 1;\n  } else {\n    return 2;\n  }\n}\n",
        "export const twice = (x: number): number => {\n  return 2 * x;\n};\n",
        "export default async function main() {\n  await run();\n  return 0;\n}\n",
    ]


@pytest.mark.parametrize(
    "head",
    [
        "function area(shape) {",
        "export async function* area(shape) {",
        "Shape.prototype.area = function (shape) {",
        "  area: function (shape) {",
        "  static area(shape) {",
        "\tconstructor (shape) {",
        "const area = async shape => {",
    ],
)
def test_every_way_to_write_a_function_is_one(head: str):
    margin = head[: len(head) - len(head.lstrip())]
    text = f"start();\n{head}\n{margin}  return shape;\n{margin}}}\nend();\n"
    assert split_functions(text, "a.js") == [f"{head.lstrip()}\n  return shape;\n}}\n"]


@pytest.mark.parametrize(
    "head", ["if (area) {", "} else if (area) {", "for (const a of b) {", "it('works', function () {"]
)
def test_what_only_looks_like_a_function_is_none(head: str):
    assert split_functions(f"{head}\n  run();\n  stop();\n}}\n", "a.js") == []


@settings(deadline=None)
@given(st.text("abc (){}:=\n\t ", max_size=900), st.sampled_from(["a.py", "a.ts"]), st.integers(0, 99))
def test_parts_are_made_of_the_lines_of_the_text(text: str, path: str, seed: int):
    lines = {line.strip() for line in text.split("\n")}
    for part in cut_into_parts(text, path, Random(seed), 0.5):
        assert {line.strip() for line in part.split("\n")} <= lines | {""}
