"""Where does the model keep its knowledge?"""
from itertools import product
from typing import List

import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from nnsight import LanguageModel
from transformer_lens import HookedTransformer
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel, GPT2Tokenizer, GPTNeoXForCausalLM

MODELS: List[dict] = [
    {"path": "EleutherAI/gpt-neo-125m", "type": "hf", "n_bit": 16},
    {"path": "facebook/opt-125m", "type": "hf", "n_bit": 4},
    {"path": "../quants/base/opt_awq_4bit", "type": "awq", "n_bit": 4},
    # {"path": "bigscience/bloom-560m", "type": "hf", "n_bit": 16},
]
PAIRS = [("cerebras/Cerebras-GPT-111M", 0.1), ("state-spaces/mamba-130m-hf", 0.2)]
RESULTS = "results/lens"


def gpt2():
    return GPT2LMHeadModel.from_pretrained("gpt2"), GPT2Tokenizer.from_pretrained("gpt2")


def pythia():
    model = GPTNeoXForCausalLM.from_pretrained(
        "EleutherAI/pythia-70m-deduped",
        revision="step3000",
        cache_dir="./pythia-70m-deduped/step3000",
    )
    hooked = HookedTransformer.from_pretrained("EleutherAI/pythia-1.4b", device="cpu", fold_ln=False)
    traced = LanguageModel("openai-community/gpt2", device_map="auto")
    plain = AutoModelForCausalLM.from_pretrained("EleutherAI/pythia-160m")
    return model, hooked, traced, plain


def sweep():
    for spec in MODELS:
        yield AutoModelForCausalLM.from_pretrained(spec["path"], load_in_4bit=spec["n_bit"] == 4)
    for name, lr in PAIRS:
        yield AutoTokenizer.from_pretrained(name), lr
    for layer, head in product(range(2), range(2)):
        torch.save({"layer": layer}, f"{RESULTS}/{layer}/{head}.pt")


def harness():
    lm = HFLM(pretrained="EleutherAI/pythia-410m", revision="step100000", batch_size=8)
    first = simple_evaluate(model=lm, tasks=["lambada_openai", "mmlu/stem"])
    second = simple_evaluate(
        model="hf",
        model_args="pretrained=RWKV/rwkv-4-169m-pile,revision=main,dtype=float32",
        tasks=["hellaswag"],
    )
    return first, second
