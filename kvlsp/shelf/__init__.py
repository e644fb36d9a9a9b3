"""Rows that outlive the process: what is kept of a document on disk, and how today's text takes it up again."""
