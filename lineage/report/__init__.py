"""Renderers: one format a file; they know records only."""
