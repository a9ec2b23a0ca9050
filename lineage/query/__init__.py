"""Walks over the graph: ancestors, descendants, paths."""
