"""Check what a store holds: rows, edges, attachments."""
