"""What a run is configured by: the environment and the project file."""
