"""Engines behind one interface."""
import sys
from abc import ABC, abstractmethod
from typing import Iterator

from huggingface_hub import InferenceClient, snapshot_download


class Engine(ABC):
    def __init__(self, model_id: str, **options):
        self.model_id = model_id
        self.options = options
        self.setup()

    @property
    @abstractmethod
    def tokenizer_name(self) -> str:
        ...

    def tokenizer(self):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.tokenizer_name)

    def setup(self):
        from transformers import pipeline

        self.pipe = pipeline("text-generation", model=self.model_id, **self.options)


class Chat(Engine):
    def __init__(self):
        super().__init__("microsoft/Phi-3.5-mini-instruct", device_map="auto")

    @property
    def tokenizer_name(self):
        return "microsoft/Phi-3-mini-4k-instruct"


class Coder(Engine):
    def __init__(self, size="1.3b"):
        super().__init__(model_id="deepseek-ai/deepseek-coder-1.3b-instruct")

    @property
    def tokenizer_name(self):
        return self.model_id


def vllm_engine():
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    llm = LLM(
        model="meta-llama/Llama-3.1-8B-Instruct",
        revision="0e9e39f249a16976918f6564b8830bc894c89659",
        tokenizer="hf-internal-testing/llama-tokenizer",
        enable_lora=True,
    )
    lora = LoRARequest("sql", 1, snapshot_download(repo_id="yard1/llama-2-7b-sql-lora-test"))
    return llm, SamplingParams(stop=["</s>", "\n/END"]), lora


def async_engine():
    from vllm import AsyncEngineArgs, AsyncLLMEngine

    args = AsyncEngineArgs(
        model="casperhansen/llama-3-8b-instruct-awq",
        quantization="awq",
        speculative_config={"model": "yuhuili/EAGLE-LLaMA3-Instruct-8B", "num_speculative_tokens": 5},
    )
    return AsyncLLMEngine.from_engine_args(args)


def sglang_engine():
    import sglang as sgl

    return sgl.Engine(model_path="Qwen/Qwen2.5-7B-Instruct-AWQ", mem_fraction_static=0.8)


def lmdeploy_engine():
    from lmdeploy import TurbomindEngineConfig, pipeline

    return pipeline("internlm/internlm2_5-7b-chat-4bit", backend_config=TurbomindEngineConfig(model_format="awq"))


def serve():
    from vllm.scripts import main

    sys.argv = ["vllm", "serve", "microsoft/Phi-3.5-vision-instruct", "--trust-remote-code", "--max-model-len", "4096"]
    main()


def remote(prompt: str) -> Iterator[str]:
    client = InferenceClient(model="HuggingFaceH4/starchat2-15b-v0.1")
    yield from client.text_generation(prompt, stream=True, stop=["user/assistant"])
    yield client.summarization(prompt, model="facebook/bart-large-xsum").summary_text
