"""Languages as data, and what tree-sitter says about a bounded window of text: blocks, statements, leaves."""
