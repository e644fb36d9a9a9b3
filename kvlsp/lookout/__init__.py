"""How who looks on from a shell finds the daemons of this user: a socket of each in the runtime folder."""
