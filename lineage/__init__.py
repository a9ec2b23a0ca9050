"""Tell where models come from and whether their weights moved without a version."""

__version__ = "0.1.0"
