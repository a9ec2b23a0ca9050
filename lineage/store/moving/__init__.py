"""Copy a graph between stores, and to and from files: backups, CSV folders, GraphML."""
