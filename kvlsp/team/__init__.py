"""One engine for a team: replicas of it behind a WebSocket, tokens, limits, a line per session in the audit log."""
