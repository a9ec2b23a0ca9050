"""Every rule that finds something, as data: stable ids, severities, sources and what to do."""
