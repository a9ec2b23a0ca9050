"""The records that travel between the rooms of lineage and out of the house.

One file a topic. Import the file that you need: this module stays empty so that a command loads only
the records that it answers with.
"""
