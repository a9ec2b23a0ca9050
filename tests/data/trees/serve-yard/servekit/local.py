"""GGUF and MLX on laptops."""
from pathlib import Path

import chainlit as cl
from ctransformers import AutoModelForCausalLM as CTAutoModel
from langchain_community.llms import CTransformers, LlamaCpp, VLLM
from llama_cpp import Llama
from llama_cpp.llama_tokenizer import LlamaHFTokenizer
from llama_index.llms.llama_cpp import LlamaCPP
from langchain_ollama import ChatOllama

MODELS_DIR = Path("models/gguf")
SETTINGS = {
    "repo_id": "bartowski/Llama-3.2-3B-Instruct-GGUF",
    "file_name": "Llama-3.2-3B-Instruct-Q4_K_M.gguf",
    "n_ctx": 8192,
}
DEFAULT_MLX = "mlx-community/Qwen3-4B-Instruct-2507-8bit"


def from_settings() -> Llama:
    return Llama.from_pretrained(repo_id=SETTINGS["repo_id"], filename=SETTINGS["file_name"], n_ctx=SETTINGS["n_ctx"])


def functionary() -> Llama:
    return Llama.from_pretrained(
        repo_id="meetkai/functionary-small-v2.2-GGUF",
        filename="*q4_0.gguf",
        tokenizer=LlamaHFTokenizer.from_pretrained("meetkai/functionary-small-v2.2"),
    )


def file_only() -> Llama:
    return Llama(model_path="models/gguf/phi-2.Q4_K_M.gguf", chat_format="llama-2")


def chain(kind: str):
    if kind == "ct":
        return CTransformers(model="TheBloke/Llama-2-7B-Chat-GGUF", model_file="llama-2-7b-chat.Q4_K_M.gguf", model_type="llama")
    if kind == "vllm":
        return VLLM(model="mosaicml/mpt-7b", trust_remote_code=True, max_new_tokens=128)
    if kind == "cpp":
        return LlamaCpp(model_path=str(MODELS_DIR / "mistral-7b.Q5_K_M.gguf"), n_gpu_layers=-1)
    if kind == "ollama":
        return ChatOllama(model="llama3.2:3b")
    return LlamaCPP(
        model_url="https://huggingface.co/TheBloke/zephyr-7B-beta-GGUF/resolve/main/zephyr-7b-beta.Q4_K_M.gguf",
        model_path=None,
    )


def old():
    return CTAutoModel.from_pretrained("marella/gpt-2-ggml", model_file="ggml-model.bin")


def mlx(path: str = None):
    from mlx_lm import load

    if path is None:
        path = DEFAULT_MLX
    return load(path)


def mlx_draft():
    from mlx_lm import load, generate

    model, tokenizer = load("mlx-community/Llama-3.2-1B-Instruct-4bit")
    return generate(model, tokenizer, prompt="hello", verbose=True)


@cl.on_message
async def on_message(message: cl.Message):
    await cl.Message(content=from_settings()(message.content)["choices"][0]["text"], author="bot/local").send()
