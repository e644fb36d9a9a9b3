"""Every error that kvlsp raises on purpose, in one tree.

    KvlspError
    ├── DocumentError
    │   ├── UnknownDocument        a message names a document that is not open
    │   ├── VersionError           a change arrived with a version that does not grow
    │   ├── PositionError          a position that no document can have (negative)
    │   └── TokenizationError      the model's tokenizer gave up on a text
    ├── ConfigurationError         a setting has the wrong type or an impossible value
    ├── ModelError
    │   ├── ModelNotFound          no such folder, no such hub id, or the network is off
    │   ├── ModelBroken            files are missing, truncated or do not fit each other
    │   ├── UnsupportedModel       the cache of this architecture cannot be repaired
    │   └── OutOfMemory            the memory plan does not fit the device
    ├── TokenizerError             a tokenizer file that cannot be read or is of an unknown kind
    ├── CacheError
    │   ├── CacheFull              the byte bound leaves no room for the rows asked for
    │   └── IntegrityError         check_integrity() found the bookkeeping contradicting itself
    ├── TraceError                 a recorded editing session that cannot be replayed
    ├── WireError                  what came over an engine's socket, or should go there, does not hold to the protocol
    │   └── EngineRefuses          the engine does not want this client: a version, a token, a limit
    ├── EngineUnreachable          no engine in another process can be reached, or started
    ├── WorkspaceError             a root that is no folder, a file that lies in no root
    └── TooCostly                  a text that takes more time or memory to parse than a text may

A message says what happened, why, and what to do. It never contains text of the user's document.
"""


class KvlspError(Exception):
    """Base of everything that kvlsp raises on purpose."""


class DocumentError(KvlspError):
    """Something about an open document."""


class UnknownDocument(DocumentError):
    """A message names a document that is not open."""


class VersionError(DocumentError):
    """A change arrived with a version that does not grow."""


class PositionError(DocumentError):
    """A position that no document can have."""


class TokenizationError(DocumentError):
    """The model's tokenizer gave up on a text."""


class ConfigurationError(KvlspError):
    """A setting has the wrong type or an impossible value."""


class ModelError(KvlspError):
    """Something about the model."""


class ModelNotFound(ModelError):
    """No such folder, no such hub id, or the network is off."""


class ModelBroken(ModelError):
    """Files are missing, truncated or do not fit each other."""


class UnsupportedModel(ModelError):
    """The cache of this architecture cannot be repaired by rotating keys."""


class OutOfMemory(ModelError):
    """Weights, caches and workspace do not fit the device."""


class TokenizerError(KvlspError):
    """A tokenizer file that cannot be read or is of an unknown kind."""


class CacheError(KvlspError):
    """Something about the resident cache."""


class CacheFull(CacheError):
    """The byte bound leaves no room for the rows asked for."""


class IntegrityError(CacheError):
    """The bookkeeping of slots contradicts itself."""


class TraceError(KvlspError):
    """A recorded editing session that cannot be replayed."""


class WireError(KvlspError):
    """What came over an engine's socket, or should go there, does not hold to the protocol."""


class EngineRefuses(WireError):
    """The engine does not want this client, and says why: another version, a token, a limit."""


class EngineUnreachable(KvlspError):
    """No engine in another process can be reached, or started."""


class WorkspaceError(KvlspError):
    """A root that is no folder, or a file that lies in no root."""


class TooCostly(KvlspError):
    """A text that takes more time or memory to parse than a text may."""
