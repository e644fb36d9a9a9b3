"""Context from other files: when to ask the workspace for it, and telling the engine what it chose."""
