"""Reading git repositories through the git program: fetches, histories, objects."""
