"""What differs between two states of a model, by facet: pure functions over two sides."""
