"""Find where models come from, and whether their weights changed without a version."""

__version__ = "0.1.0"
