"""How compatible a new version's answers are with the old version's: pure functions over arrays, with no files."""
