"""Why an answer is empty: one word for the log, the counter and the status bar."""

from __future__ import annotations

from enum import Enum


class Reason(str, Enum):
    """Every empty answer has exactly one of these."""

    SUPERSEDED = "superseded"                # a newer request or edit of the same document came
    CANCELLED = "cancelled"                  # the editor asked to stop
    DEADLINE = "deadline"                    # no complete line or statement in time
    NOTHING_TO_SAY = "nothing_to_say"        # the model ends at once, offers white space, or nothing whole
    WRONG_PLACE = "wrong_place"              # inside a word or before text that a suggestion would break
    REPEATS_SUFFIX = "repeats_suffix"        # what it offers stands below already
    LOOPING = "looping"                      # only repetitions of the lines above
    LOW_CONFIDENCE = "low_confidence"        # below the user's threshold
    REJECTED_BEFORE = "rejected_before"      # the same text was dismissed at this place
    NOT_READY = "not_ready"                  # the model is loading, or failed to load
    UNKNOWN_DOCUMENT = "unknown_document"    # not open
    STALE_VERSION = "stale_version"          # asked for a version that is not the current one
    UNKNOWN_LANGUAGE = "unknown_language"    # the model has not learned it; a request by hand gets what there is
    DISABLED = "disabled"                    # switched off, for all or for this language
    LIMIT = "limit"                          # the engine of a team allows its user no more for now
    MODEL_ERROR = "model_error"              # a forward failed; the cache is rebuilt at the next request
    SHUTTING_DOWN = "shutting_down"

    def __str__(self) -> str:
        return self.value
