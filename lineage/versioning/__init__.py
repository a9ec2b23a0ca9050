"""What changed, and whether it was announced: pushes, changes, signals, verdicts."""
