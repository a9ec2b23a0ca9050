"""Follow values through programs: from the text of an id to the call that loads the model."""
