from llama_cpp import Llama
from huggingface_hub import hf_hub_download

GGUF_REPO, GGUF_FILE = "bartowski/Llama-3.2-3B-Instruct-GGUF", "Llama-3.2-3B-Instruct-Q4_K_M.gguf"


def from_hub():
    path = hf_hub_download(GGUF_REPO, GGUF_FILE)
    return Llama(model_path=path, n_ctx=8192)


def direct():
    return Llama.from_pretrained(repo_id="Qwen/Qwen2-0.5B-Instruct-GGUF", filename="*q8_0.gguf", verbose=False)
