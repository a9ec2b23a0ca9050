"""Results of evaluations, instance by instance: reads what evaluation programs write to files."""
