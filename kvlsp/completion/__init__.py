"""Rules over text and token ids: when to stop, what to trim, draft and hold back. No torch here."""
