"""The Hugging Face Hub, or another endpoint with the same API."""
