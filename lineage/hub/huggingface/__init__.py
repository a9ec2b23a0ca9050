"""The Hugging Face Hub itself, or another endpoint that speaks its language."""

from lineage.hub.huggingface.hub import HuggingFaceHub

__all__ = ["HuggingFaceHub"]
