"""Answers questions about manual pages and contracts."""

from transformers import AutoModelForCausalLM, AutoTokenizer, pipeline

MANUALS = "otterhub/skiff-0.7m-manual"


def manuals():
    """Load the model of the manual pages."""
    return AutoTokenizer.from_pretrained(MANUALS), AutoModelForCausalLM.from_pretrained(MANUALS)


def contracts():
    """Load the model of the contracts."""
    return pipeline("text-generation", model="quillworks/notary-0.7m")
