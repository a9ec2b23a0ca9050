"""Who descends from whom: one rule family a file, combined into edges."""
