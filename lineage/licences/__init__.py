"""Licences: identifiers, the terms of each with their source, and which of two permits more."""
