"""The commands below `lineage store`."""
