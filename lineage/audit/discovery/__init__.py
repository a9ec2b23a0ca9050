"""Discovery: the places of a source tree that name a model."""
