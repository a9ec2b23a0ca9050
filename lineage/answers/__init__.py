"""One file per question: arguments in, one record out. The command line calls these functions."""
