from unittest import mock

import pytest
from transformers import AutoModelForCausalLM

from forge.registry import BaseModelSpec, load, register

TINY_MODELS = [
    "trl-internal-testing/tiny-Qwen2ForCausalLM-2.5",
    "trl-internal-testing/tiny-LlamaForCausalLM-3.2",
]


@pytest.fixture(params=TINY_MODELS)
def tiny(request):
    return AutoModelForCausalLM.from_pretrained(request.param)


def test_generates(tiny):
    assert tiny.config.vocab_size > 10


def test_register():
    register(BaseModelSpec(name="t", hf_path="sshleifer/tiny-gpt2"))
    model, tokenizer = load("t")
    assert model.config.n_layer == 2


@mock.patch("forge.registry.AutoTokenizer.from_pretrained")
def test_unknown(patched):
    with pytest.raises(KeyError, match="no/such"):
        load("no/such")
    patched.assert_not_called()
