"""The answers of the commands: one file per question."""
