"""What changed, and was it said: pushes, changes, signals, verdicts."""
