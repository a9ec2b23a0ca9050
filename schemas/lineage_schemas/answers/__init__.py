"""The answers that leave the house: one file a question."""
