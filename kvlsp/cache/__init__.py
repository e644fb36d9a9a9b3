"""The resident cache of a document: slots, integer plans, and the one place that encodes."""
