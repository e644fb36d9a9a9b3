"""``kvlsp replay``, ``bench``, ``evaluate`` and ``train``; loaded when one of them is run."""
