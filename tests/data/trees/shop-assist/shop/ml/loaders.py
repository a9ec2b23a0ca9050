from __future__ import annotations

import transformers
from adapters import AutoAdapterModel
from ctransformers import AutoModelForCausalLM as CT
from huggingface_hub import HfFileSystem, hf_hub_url
from llama_cpp import Llama
from peft import PeftConfig, PeftModel
from transformers import (AutoModelForCausalLM, AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM,
                          AutoModelForTokenClassification, AutoTokenizer, BertModel)
from vllm import EngineArgs, LLM, LLMEngine
from vllm.lora.request import LoRARequest

import shop.core.conf as conf
from shop.core import conf as settings
from shop.core.conf import LEGACY as OLD, app_config

PRETRAINED = {
    AutoModelForSeq2SeqLM: [conf.TITLE_MODEL, settings.PRICE_MODEL],
}


class Registry:
    _cache: dict = {}

    @classmethod
    def get(cls, key, factory):
        if key not in cls._cache:
            cls._cache[key] = factory()
        return cls._cache[key]


def seq2seq():
    return [cls.from_pretrained(name) for cls, names in PRETRAINED.items() for name in names]


def ner():
    return Registry.get("ner", lambda: AutoModelForTokenClassification.from_pretrained(conf.NER_MODEL))


def qa():
    return AutoModelForQuestionAnswering.from_pretrained(
        pretrained_model_name_or_path=settings.QA_MODEL, revision=settings.QA_REV)


def image():
    return transformers.pipeline("image-classification", conf.IMAGE_MODEL)


def search(model_id: str = conf.SEARCH_MODEL):
    return transformers.AutoModel.from_pretrained(model_id), transformers.AutoTokenizer.from_pretrained(model_id)


def old():
    return BertModel.from_pretrained(OLD, add_pooling_layer=False)


class Chat:
    def __init__(self, cfg=app_config.chat):
        self.cfg = cfg
        self.llm = LLM(model=cfg.model_path, revision=cfg.commit, enable_lora=True, max_model_len=4096)

    def ask(self, prompt, adapter="support"):
        lora = LoRARequest(adapter, 1, self.cfg.adapters[adapter])
        return self.llm.generate(prompt, lora_request=lora)

    @staticmethod
    def engine():
        args = EngineArgs(model="facebook/opt-350m", tokenizer="facebook/opt-125m", dtype="half")
        return LLMEngine.from_engine_args(args)


def guard():
    return transformers.pipeline("text-classification", model=app_config.guard)


def quantised():
    a = CT.from_pretrained("TheBloke/Llama-2-7B-GGUF", model_file="llama-2-7b.Q4_K_M.gguf", model_type="llama")
    b = Llama.from_pretrained(
        repo_id="Qwen/Qwen2-0.5B-Instruct-GGUF",
        filename="*q8_0.gguf",
    )
    c = Llama(model_path="models/llama.gguf")
    d = AutoModelForCausalLM.from_pretrained("unsloth/Llama-3.2-3B-Instruct-GGUF", gguf_file="Llama-3.2-3B-Instruct-Q4_K_M.gguf")
    return a, b, c, d


def adapters():
    adapter = "timpal0l/mistral-lora-sv"
    config = PeftConfig.from_pretrained(adapter, revision="v1.0")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("mistralai/Mistral-7B-v0.1"), adapter, revision="v1.0")
    other = AutoAdapterModel.from_pretrained("FacebookAI/roberta-base")
    other.load_adapter("AdapterHub/roberta-base-pf-imdb", source="hf")
    return config, model, other


def raw():
    fs = HfFileSystem()
    with fs.open("hf://prajjwal1/bert-tiny@main/config.json") as f:
        f.read()
    return hf_hub_url("google/flan-t5-small", "config.json", revision="0fc9ddf")


def texts():
    from langchain_community.llms import HuggingFaceHub, HuggingFacePipeline, VLLM
    from llama_index.llms.huggingface import HuggingFaceLLM
    from llama_index.core.postprocessor import SentenceTransformerRerank

    return (
        HuggingFacePipeline.from_model_id(model_id="google/flan-t5-base", task="text2text-generation"),
        HuggingFaceHub(repo_id="tiiuae/falcon-7b-instruct"),
        VLLM(model="mosaicml/mpt-7b", trust_remote_code=True),
        HuggingFaceLLM(model_name="StabilityAI/stablelm-tuned-alpha-3b", tokenizer_name="StabilityAI/stablelm-tuned-alpha-3b"),
        SentenceTransformerRerank(model="cross-encoder/ms-marco-MiniLM-L-2-v2", top_n=3),
    )
