"""kvlsp: a code-completion daemon that keeps the open document resident as a KV cache.

The rooms and their rules are drawn in ``ARCHITECTURE.md`` beside this file.
"""

__version__ = "0.1.0"
