"""The lock file of a product: read, written and compared without a Hub and without a store."""
