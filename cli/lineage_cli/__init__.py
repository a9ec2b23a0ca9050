"""The command line of lineage: options in, one answer out, no logic."""
