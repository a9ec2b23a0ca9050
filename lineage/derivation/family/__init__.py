"""Who descends from whom among models whose weights are related."""
