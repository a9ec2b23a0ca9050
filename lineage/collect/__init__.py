"""The pipeline: the one place that joins hub, fingerprint, versioning, derivation and store."""
