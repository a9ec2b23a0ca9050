"""Answer customers: an example of a product that `lineage audit` records."""

from transformers import AutoModelForCausalLM, pipeline

ANSWERS = "quillworks/notary-0.7m"


def load() -> object:
    """Load the model that answers, and the one that sorts questions."""
    pipeline("text-classification", model="harbour/pilot-manual-merge")
    return AutoModelForCausalLM.from_pretrained(ANSWERS)
