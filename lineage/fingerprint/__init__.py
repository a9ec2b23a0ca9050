"""What weights are: groups, headers, digests, and the comparison of two."""
