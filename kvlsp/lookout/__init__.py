"""How ``kvlsp inspect`` finds the daemons of this user: each has a socket in the runtime folder."""
