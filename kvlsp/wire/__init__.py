"""An engine's messages and events as frames between two processes: typed, bounded, checked at both ends. No model."""
