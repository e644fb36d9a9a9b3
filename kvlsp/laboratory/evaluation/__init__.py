"""Measuring kvlsp on itself and against others: recorded traces, gestures, quality tables."""
