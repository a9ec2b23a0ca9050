"""Where repositories come from: the Hub itself, a local directory, one folder, the Hub's local cache."""
