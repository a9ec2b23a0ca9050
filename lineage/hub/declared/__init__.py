"""What cards, configs and recipes declare about the origin of a model."""
