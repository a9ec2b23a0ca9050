import logging
from threading import Thread

import torch
from fastapi import Depends
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    TextIteratorStreamer,
    pipeline as hf_pipeline,
)
from peft import PeftModel

from ..config import Settings, Tagger, get_settings

logger = logging.getLogger(__name__)
ADAPTER = "acme-labs/smollm2-support-lora"
_taggers = {}


def load_generator(settings: Settings = Depends(get_settings)):
    tokenizer = AutoTokenizer.from_pretrained(
        settings.generator_id,
        revision=settings.generator_revision,
    )
    base = AutoModelForCausalLM.from_pretrained(
        settings.generator_id,
        revision=settings.generator_revision,
        torch_dtype=torch.bfloat16,
    )
    return tokenizer, PeftModel.from_pretrained(base, ADAPTER, revision="v3")


def summarizer():
    settings = get_settings()
    logger.info("loading %s", settings.summarizer)
    return hf_pipeline("summarization", model=settings.summarizer, device_map="auto")


def tagger(kind: Tagger = Tagger.FAST):
    if kind not in _taggers:
        _taggers[kind] = hf_pipeline(
            "token-classification",
            model=kind.value,
            aggregation_strategy="simple",
        )
    return _taggers[kind]


def large_tagger():
    return tagger(Tagger.LARGE)


def guard():
    # AutoModelForCausalLM.from_pretrained("meta-llama/Llama-Guard-3-1B")
    return hf_pipeline(
        task="text-classification",
        model="protectai/deberta-v3-base-prompt-injection-v2",
        truncation=True,
    )


def transcriber():
    return hf_pipeline("automatic-speech-recognition", get_settings().whisper_model, revision="main")
