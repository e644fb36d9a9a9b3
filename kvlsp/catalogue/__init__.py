"""Which models are here, which fit this machine, how quick they would be on it, and which to begin with."""
