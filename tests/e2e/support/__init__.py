"""What the tests that drive editors share: the installed editors, their drivers, a server with fixed answers."""
