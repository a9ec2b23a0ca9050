"""Moving a graph between stores and files: copies, backups, CSV folders, GraphML."""
