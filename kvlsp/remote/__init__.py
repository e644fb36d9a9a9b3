"""An engine in another process of this machine, as a daemon sees it: found, started, watched, replaced. No model."""
