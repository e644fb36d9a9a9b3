"""Text to token ids and back, incrementally: an Edit becomes a TokenEdit."""
