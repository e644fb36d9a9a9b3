"""How large what crosses may be. Both ends hold to the same numbers, so that nobody sends what the other refuses."""

from __future__ import annotations

from typing import Final

LONGEST_TEXT: Final = 256 << 20
"""Bytes of a document's text, which is more than an editor's message can bring."""
LONGEST_NAME: Final = 1 << 16
"""Bytes of a URI, a path, a language, a sentence for people."""
LONGEST_VALUES: Final = 1 << 20
"""Bytes of settings, or of what an engine reports about itself."""
LONGEST_VIEW: Final = 32 << 20
"""Bytes of a view for whoever watches: the rows of a document among it, a million at most."""
MOST_TOKENS: Final = 1 << 16
"""Token ids of one question for their texts."""
LONGEST_FRAME: Final = LONGEST_TEXT + (1 << 20)
LONGEST_FIRST: Final = 2 * LONGEST_VALUES
"""Bytes of the frame that opens a conversation, when nobody knows yet who it is."""

MOST_EDITS: Final = 4096
MOST_CHUNKS: Final = 4096
MOST_ITEMS: Final = 64
MOST_DOCUMENTS: Final = 16_384
MOST_CHARACTERS: Final = 1 << 30
"""Of all documents that one client has open."""
MOST_REQUESTS: Final = 16_384
"""Requests of one client that wait for their answer."""
LONGEST_WAIT: Final = 3600.0
"""Seconds that a request can have waited before it was sent."""
