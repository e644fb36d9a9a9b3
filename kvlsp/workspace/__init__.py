"""The other files of the workspace: what is never read, an index of the rest, what of it suits a caret."""
