"""The only room that knows the Language Server Protocol: it owns texts, versions and pending requests."""
