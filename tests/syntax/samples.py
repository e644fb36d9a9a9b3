"""A few lines of every language that has a folder, with what its queries should find in them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    text: str
    definitions: tuple[str, ...]
    imports: int
    statements: int


SAMPLES = {
    "python": Sample(
        "import os\nfrom a import b\n\ndef f(x):\n    if x:\n        return 1\n\nclass A:\n    x = 1\n\n"
        "LIMIT = 3\n",
        ("f", "A", "LIMIT"), 2, 8),
    "javascript": Sample(
        "import a from 'b';\nfunction f(x) {\n  if (x) { return 1; }\n}\nclass A {\n  g() { h(); }\n}\n"
        "const k = (x) => { l(); };\n",
        ("f", "A", "g", "k"), 1, 9),
    "typescript": Sample(
        "import { a } from 'b';\ninterface I {\n  x: number;\n}\nenum E { A, B }\ntype T = string;\n"
        "function f(x: number): T {\n  return g(x);\n}\n",
        ("I", "E", "T", "f"), 1, 6),
    "tsx": Sample(
        "import React from 'react';\nfunction App(): JSX.Element {\n  return <p title=\"a\">don't</p>;\n}\n",
        ("App",), 1, 3),
    "rust": Sample(
        "use std::fmt;\nstruct A {\n    x: u32,\n}\nimpl A {\n    fn f<'a>(&'a self, c: char) -> u32 {\n"
        "        match c {\n            '(' => 1,\n            _ => 2,\n        }\n    }\n}\n"
        "const N: u32 = 3;\n",
        ("A", "A", "f", "N"), 1, 9),
    "go": Sample(
        "package a\n\nimport \"fmt\"\n\ntype T struct {\n\tx int\n}\n\nfunc (t T) f() int {\n\tif t.x > 1 {\n"
        "\t\treturn 1\n\t}\n\tfmt.Println(`a \"b`)\n\treturn 2\n}\n",
        ("T", "f"), 1, 9),
    "java": Sample(
        "import java.util.List;\n\nclass A {\n    int x = 1;\n\n    int f(int y) {\n        if (y > 1) {\n"
        "            return 1;\n        }\n        return 2;\n    }\n}\n",
        ("A", "f"), 1, 7),
    "c": Sample(
        "#include <stdio.h>\n#define N 3\n\nstruct a {\n    int x;\n};\n\nint f(int y) {\n    if (y) {\n"
        "        return '\\'';\n    }\n    return 2;\n}\n",
        ("N", "a", "f(int y)"), 1, 7),
    "cpp": Sample(
        "#include <vector>\n\nnamespace n {\n\nclass A {\npublic:\n    int f(int y) { return y; }\n"
        "    int x = 1'000;\n"
        "};\n\n}\n",
        ("A", "f(int y)", "n"), 1, 5),
}
