"""`lineage audit`: what the models of a product are, and what is wrong with them."""
