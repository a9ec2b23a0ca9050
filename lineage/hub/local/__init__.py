"""Hubs on this machine: a directory of models, one model's folder, the Hub client's cache."""
