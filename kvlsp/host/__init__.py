"""The process that serves one model to several daemons: a socket, and an engine for each client on one thread."""
