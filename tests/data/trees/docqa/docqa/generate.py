"""Local generation, with an adapter when one is configured."""
import json
import os

import torch
from peft import AutoPeftModelForCausalLM, PeftConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GenerationConfig

from docqa.settings import CONFIG

ADAPTER = os.environ.get("ADAPTER_ID")


def load():
    tok = AutoTokenizer.from_pretrained(CONFIG.generator)
    model = AutoModelForCausalLM.from_pretrained(CONFIG.generator, quantization_config=BitsAndBytesConfig(load_in_4bit=True))
    if ADAPTER:
        model = PeftModel.from_pretrained(model, ADAPTER)
    return tok, model


def load_contracts():
    peft_model_id = "acme/llama-3.1-contracts-lora"
    config = PeftConfig.from_pretrained(peft_model_id)
    base = AutoModelForCausalLM.from_pretrained(config.base_model_name_or_path)
    return PeftModel.from_pretrained(base, peft_model_id)


def load_merged():
    return AutoPeftModelForCausalLM.from_pretrained("acme/llama-3.1-contracts-dpo", torch_dtype=torch.bfloat16)
