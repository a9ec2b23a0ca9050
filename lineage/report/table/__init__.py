"""Answers as short texts with aligned columns, to be read at a glance: one file an answer."""
