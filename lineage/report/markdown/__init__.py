"""Answers as Markdown, for issues, pull requests and job summaries: one file per answer."""
