import pytest
from transformers import AutoTokenizer

from app.services.embeddings import Embedder


@pytest.mark.parametrize(
    "model_id,size",
    [
        ("hf-internal-testing/tiny-random-gpt2", 1000),
        pytest.param("hf-internal-testing/llama-tokenizer", 32000, marks=pytest.mark.slow),
    ],
)
def test_tokenizer(model_id, size):
    assert AutoTokenizer.from_pretrained(model_id).vocab_size == size


def test_embedder():
    assert Embedder(model_name="sentence-transformers/paraphrase-albert-small-v2").encode(["a"]).shape
