"""How many matrix products of different shapes a process keeps compiled.

In bfloat16 PyTorch's library for CPUs (oneDNN) compiles a product for each shape and keeps the last 1,024 of them,
about half a megabyte each, in two caches: its own, and that of the layer through which PyTorch calls it. Documents of
many lengths have many shapes, so a day in an editor took hundreds of megabytes that no closing gave back. Both caches
are sized by the environment, before PyTorch is loaded; what the user has set there holds.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

SHAPES: Final = 64
"""Four files typed into one after the other, 640 keys, had 385 shapes in 34,755 products: 2.1 of 100 were compiled with
this bound and 1.2 without one, 0.2 ms each. With 128 a daemon is not within 60 MB of where it began when all is closed.
"""

VARIABLES: Final = (("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"), ("LRU_CACHE_CAPACITY",))
"""A cache each, by the names under which it looks for its size."""


def bound_compiled_shapes(environment: MutableMapping[str, str] = os.environ) -> None:
    """Both caches of this process keep :data:`SHAPES` products, if PyTorch is loaded after this."""
    for names in VARIABLES:
        if not any(name in environment for name in names):
            environment[names[0]] = str(SHAPES)
