"""Next edits: what was just written made something else wrong. Rules over texts and numbers; no model, no tensors."""
