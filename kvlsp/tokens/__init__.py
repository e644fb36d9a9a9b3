"""Text to token ids and back, incrementally: an Edit becomes a TokenEdit. Knows no model and no prompt."""
