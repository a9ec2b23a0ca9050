"""Names of models in all the ways to write them, and the texts that only look like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.audit.discovery.names import Form, Name, read_name

HEX = "0123456789abcdef0123456789abcdef01234567"

NAMES = {
    "gpt2": Name("gpt2", Form.BARE),
    "all-MiniLM-L6-v2": Name("all-MiniLM-L6-v2", Form.BARE),
    "acme/tiny-chat": Name("acme/tiny-chat", Form.ID),
    "acme/tiny-v1.5": Name("acme/tiny-v1.5", Form.ID),
    f"acme/tiny@{HEX}": Name("acme/tiny", Form.ID, HEX),
    "acme/tiny-GGUF:Q4_K_M": Name("acme/tiny-GGUF", Form.ID, selector="Q4_K_M"),
    "acme/tiny-GGUF:UD-Q2_K_XL": Name("acme/tiny-GGUF", Form.ID, selector="UD-Q2_K_XL"),
    "acme/tiny:groq": Name("acme/tiny", Form.ID),
    "openai/whisper-large-v3": Name("openai/whisper-large-v3", Form.ID),
    "openai/gpt-oss-20b": Name("openai/gpt-oss-20b", Form.ID),
    "mistralai/Mistral-7B-Instruct-v0.3": Name("mistralai/Mistral-7B-Instruct-v0.3", Form.ID),
    "huggingface/acme/tiny": Name("acme/tiny", Form.ID),
    "hf://acme/tiny": Name("acme/tiny", Form.ADDRESS),
    "hf://gpt2": Name("gpt2", Form.ADDRESS),
    "hf://models/acme/tiny": Name("acme/tiny", Form.ADDRESS),
    "hf://acme/tiny@v2/sub/model.safetensors": Name("acme/tiny", Form.ADDRESS, "v2", None, "sub/model.safetensors"),
    "hf://acme/tiny@refs%2Fpr%2F3/a.bin": Name("acme/tiny", Form.ADDRESS, "refs/pr/3", None, "a.bin"),
    f"hf://acme/tiny:{HEX}": Name("acme/tiny", Form.ADDRESS, HEX),
    "hf-hub:acme/clip": Name("acme/clip", Form.ADDRESS),
    "hf_hub:acme/resnet@v1": Name("acme/resnet", Form.ADDRESS, "v1"),
    "huggingface://acme/tiny-gguf/tiny.Q4_0.gguf": Name("acme/tiny-gguf", Form.ADDRESS, filename="tiny.Q4_0.gguf"),
    "hf.co/acme/tiny-GGUF:IQ3_M": Name("acme/tiny-GGUF", Form.ADDRESS, selector="IQ3_M"),
    "huggingface.co/acme/tiny-GGUF:latest": Name("acme/tiny-GGUF", Form.ADDRESS, selector="latest"),
    "https://huggingface.co/acme/tiny": Name("acme/tiny", Form.PAGE),
    "https://huggingface.co/gpt2": Name("gpt2", Form.PAGE),
    "https://huggingface.co/acme/tiny/tree/v1": Name("acme/tiny", Form.PAGE, "v1"),
    "https://huggingface.co/acme/tiny/discussions/3": Name("acme/tiny", Form.PAGE),
    "https://huggingface.co/acme/tiny.git": Name("acme/tiny", Form.PAGE),
    f"https://huggingface.co/acme/tiny/resolve/{HEX}/onnx/model.onnx?download=true": Name(
        "acme/tiny", Form.ADDRESS, HEX, None, "onnx/model.onnx"
    ),
    "https://hf.co/gpt2/resolve/main/config.json": Name("gpt2", Form.ADDRESS, "main", None, "config.json"),
    "https://huggingface.co/acme/tiny/resolve/refs/pr/7/a.bin": Name(
        "acme/tiny", Form.ADDRESS, "refs/pr/7", None, "a.bin"
    ),
    "https://user:hf_x@huggingface.co/acme/tiny": Name("acme/tiny", Form.PAGE),
    "https://huggingface.co/api/models/acme/tiny/revision/v3": Name("acme/tiny", Form.ADDRESS, "v3"),
    "https://api-inference.huggingface.co/models/acme/tiny": Name("acme/tiny", Form.ADDRESS),
    "https://router.huggingface.co/hf-inference/models/acme/tiny": Name("acme/tiny", Form.ADDRESS),
    f"/root/.cache/huggingface/hub/models--acme--tiny/snapshots/{HEX}": Name("acme/tiny", Form.ID, HEX),
    "sentence-transformers:all-MiniLM-L6-v2": Name("all-MiniLM-L6-v2", Form.ADDRESS),
    "git@hf.co:acme/tiny": Name("acme/tiny", Form.CLONE),
    "ssh://git@hf.co/acme/tiny.git": Name("acme/tiny", Form.CLONE),
}

OTHERS = """
src/model|./acme/tiny|models/llama|a/b/c|../x/y|C:\\models\\x|text/plain|application/json|model/gltf-binary
acme/model.safetensors|config.json|train.py|true|cuda|auto|12|main
openai/gpt-4o-mini|openai/o3-mini|openai/text-embedding-3-small|anthropic/claude-3.5-sonnet|google/gemini-2.0-flash
acme/tiny:free|groq/llama-3|ollama/llama3|llama3.2:3b|gpt-4o|claude-3-opus|text-embedding-3-small
openrouter/acme/tiny|together_ai/acme/tiny|azure/my-deployment|@cf/meta/llama-3-8b-instruct
vllm/vllm-openai:latest|vllm/vllm-openai|nvidia/cuda:12.4.1-base|acme/image:v1.2|ghcr.io/acme/image:latest
your-username/your-model|your-org/tiny|<org>/<model>|username/model|${ORG}/tiny|{org}/tiny|$MODEL|{{ model }}
https://huggingface.co/datasets/acme/d|https://huggingface.co/spaces/acme/s|https://huggingface.co/docs/hub/models
https://huggingface.co/acme|https://huggingface.co/models|https://huggingface.co/papers/2401.1|hf://datasets/acme/d
hf://spaces/acme/s|git@hf.co:datasets/acme/d|https://github.com/acme/tiny|https://example.org/acme/tiny
s3://bucket/acme/tiny|gs://acme/tiny|oci://acme/tiny|user@example.com|acme/--x|acme/tiny/|hf://|hf://@|hf://a/b@
acme/tiny name|acme/ti\tny
"""


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_a_name_is_read_with_what_it_adds(text: str, name: Name) -> None:
    """The id, revision, selector and file name are read from each way to write them."""
    assert read_name(text) == name


@pytest.mark.parametrize("text", [text for line in OTHERS.strip().splitlines() for text in line.split("|")])
def test_another_text_is_not_a_name(text: str) -> None:
    """Paths, MIME types, files, hosted models, images, placeholders and other pages are not models."""
    assert read_name(text) is None


@given(st.text() | st.text(alphabet="ab/:@.-hf") | st.text(alphabet="a/:@").map("https://huggingface.co/".__add__))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Any text is a valid name or none: nothing raises."""
    name = read_name(text)
    assert name is None or (name.model and name.model.count("/") <= 1)


def test_a_long_text_is_not_read() -> None:
    """A text of megabytes costs nothing."""
    assert read_name("a/" * 1_000_000) is None


@pytest.mark.parametrize("text", ["acme/ti\u202eny", "meta-ll\u0430ma/Llama-2-7b", "acme/\uff54iny"])
def test_an_id_that_only_looks_like_one_is_read_as_it_is_written(text: str) -> None:
    """The Hub has no such model: an audit lists it, and does not pass over it."""
    found = read_name(text)
    assert found is not None
    assert (found.model, found.form) == (text, Form.ID)


def test_words_of_another_script_are_no_ids() -> None:
    """A path of words in Chinese letters names no model."""
    assert read_name("模型/名称") is None
