"""The command line of lineage: options in, one answer out, no logic."""

INTERRUPTED = 130
"""The exit code of a run that SIGINT ended: 128 + 2, as in shells."""

INTERRUPTED_MESSAGE = "interrupted"
INTERRUPTED_HINT = "nothing is lost: run the same command again to continue"
