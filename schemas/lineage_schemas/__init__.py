"""The records that lineage's packages exchange and that its answers consist of.

One file per topic. Import the file that you need: this module stays empty so that a command loads only the records
of its answer.
"""
