"""The graph at rest: SQLite by default, memory in tests."""
