"""How names of models are read: their pieces, the vocabularies, and the grammar that joins both."""
