"""Real processes and real editors."""
