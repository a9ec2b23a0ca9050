"""Parts of the benchmark of comparisons: the zoo, what samples cost, the peer."""
