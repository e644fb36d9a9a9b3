"""A page on this machine: an editor, and beside it what kvlsp does. It has a daemon of its own, as an editor has."""
