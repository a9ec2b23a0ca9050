"""Answers as short texts with aligned columns: one file per answer."""
