"""The one thread that owns model and caches: sessions, scheduling, generation."""
