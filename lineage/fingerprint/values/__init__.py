"""Values of weights at logical places, whatever format they are stored in."""
