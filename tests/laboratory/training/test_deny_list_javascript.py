from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from kvlsp.laboratory.training.deny_list_javascript import path_refusal, quality

CODE = """import { Shape } from './shape';

/** A circle around a point. */
export class Circle extends Shape {
  constructor(radius) {
    super();
    this.radius = radius;
  }

  // in square units
  area() {
    return Math.PI * this.radius ** 2;
  }
}

/** The sum of all areas. */
export function total(shapes) {
  return shapes.reduce((sum, shape) => sum + shape.area(), 0);
}
"""
TYPED = CODE.replace("(radius)", "(private radius: number)").replace("(shapes)", "(shapes: Shape[]): number")


@pytest.mark.parametrize(
    "path",
    [
        "alpha/src/shapes.ts", "alpha/lib/shapes.js", "@one/alpha/index.js", "build/src/a.js", "@dist/data/src/a.ts",
        "three/examples/jsm/loaders/Loader.js", "alpha/src/distance.js",
    ],
)  # fmt: skip
def test_sources_are_taken(path: str):
    assert path_refusal(PurePosixPath(path)) is None


@pytest.mark.parametrize(
    "path",
    [
        "alpha/dist/index.js", "alpha/dist/esm/a.ts", "@one/alpha/build/a.js", "alpha/umd/a.js",
        "alpha/vendor/jquery.js", "alpha/src/third_party/a.ts", "alpha/node_modules/beta/a.js", "alpha/a.min.js",
        "alpha/src/a.bundle.js", "alpha/A-dbg.js", "alpha/src/locale/de.js", "alpha/src/__generated__/a.ts",
        "alpha/src/service_pb.js", "alpha/Build/a.js", "alpha/a.umd.cjs",
    ],
)  # fmt: skip
def test_what_tools_made_is_left_out_by_its_path(path: str):
    assert path_refusal(PurePosixPath(path)) is not None


def test_code_of_a_person_is_worth_something():
    plain = quality(CODE, PurePosixPath("a/b.js"))
    assert 0.5 < plain < quality(TYPED, PurePosixPath("a/b.ts")) <= 1.0
    bare = CODE.replace("/** A circle around a point. */\n", "").replace("/** The sum of all areas. */\n", "")
    assert 0 < quality(bare, PurePosixPath("a/b.js")) < plain


def test_types_in_a_file_of_javascript_are_welcome():
    assert quality(TYPED, PurePosixPath("a/b.js")) > 0
    assert quality("const Box = () => <b>{1}</b>;\n", PurePosixPath("a/b.jsx")) > 0
    assert quality("const Box = (): Node => <b>{1}</b>;\n", PurePosixPath("a/b.tsx")) > 0


@pytest.mark.parametrize(
    "line",
    [
        'Object.defineProperty(exports, "__esModule", { value: true });',
        "//# sourceMappingURL=shapes.js.map",
        "var _shape = _interopRequireDefault(require('./shape'));",
        "__webpack_require__(7);",
        "function _classCallCheck(a, b) {}",
        "x = /*#__PURE__*/_jsx(Box, {});",
        "var __awaiter = this && this.__awaiter;",
        "x = (0, shape.area)();",
    ],
)
def test_what_a_compiler_wrote_is_worth_nothing(line: str):
    assert quality(CODE + line + "\n", PurePosixPath("a/b.js")) == 0.0


@pytest.mark.parametrize(
    "text", [CODE + "}}}\n", "const a = 1;\n" * 30, "", CODE + "opaque type A: string = string;\n"]
)
def test_what_does_not_parse_or_has_no_function_is_worth_nothing(text: str):
    assert quality(text, PurePosixPath("a/b.js")) == 0.0
