"""Rules of evidence that compare values of weights."""
