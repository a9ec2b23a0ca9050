"""Renderers: one file per format; they depend on records only."""
