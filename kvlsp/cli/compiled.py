"""How many matrix products of different shapes a process keeps compiled.

In bfloat16 PyTorch's library for CPUs (oneDNN) compiles a product for each shape and keeps the last 1,024 of them; so
does the layer through which PyTorch calls it, for each thread and once more. A product takes some 0.3 MB in either.
Documents of many lengths have many shapes, so a day in an editor took hundreds of megabytes that no closing gave back.
Both caches are sized by the environment, before PyTorch is loaded; what the user has set there holds.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

SHAPES: Final = 128
"""With 64 a line typed at the top of 4,000 and of 7,500 tokens takes 15 of 100 longer than with 1,024 (`kvlsp bench
growth`, two runs each), with 128 it does not. Four files typed into one after the other, 640 keys, had 385 shapes.
"""

SHAPES_OF_LAYER: Final = 1
"""What it does not find here the layer finds in oneDNN's own cache: 100 shapes in turn take 60 microseconds a product
with this size and 64 with 128, and 29 MiB instead of 54 (384 by 384).
"""

VARIABLES: Final = (
    (SHAPES, ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY")),
    (SHAPES_OF_LAYER, ("LRU_CACHE_CAPACITY",)),
)
"""A cache each: products that it keeps, and the names under which it looks for that."""


def bound_compiled_shapes(environment: MutableMapping[str, str] = os.environ) -> None:
    """Both caches of this process keep so many products, if PyTorch is loaded after this."""
    for size, names in VARIABLES:
        if not any(name in environment for name in names):
            environment[names[0]] = str(size)
