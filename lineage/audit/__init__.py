"""Audit: the models that a product uses, found in its sources, locked and judged by rules."""
