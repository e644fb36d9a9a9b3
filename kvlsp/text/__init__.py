"""The document's own text: persistent rope, edits, positions in the editor's units."""
