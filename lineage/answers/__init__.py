"""One file a question: arguments in, one record out. What the command line and a service both call."""
