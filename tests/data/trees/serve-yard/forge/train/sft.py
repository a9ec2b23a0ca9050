"""Supervised fine-tuning: python -m forge.train.sft --help"""
import os
from dataclasses import dataclass, field
from typing import Optional

import torch
import tyro
from datasets import load_dataset
from peft import LoraConfig, PeftModel, AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from trl import SFTConfig, SFTTrainer

os.environ["WANDB_PROJECT"] = "forge/sft"


@dataclass
class Args:
    model: str = "Qwen/Qwen2.5-1.5B"
    """base model"""
    model_revision: Optional[str] = None
    tokenizer: str = "Qwen/Qwen2.5-1.5B-Instruct"
    dataset: str = "HuggingFaceH4/ultrachat_200k"
    eval_dataset: str = "tatsu-lab/alpaca_eval"
    output_dir: str = "runs/sft"
    lora_r: int = 16
    report_to: str = field(default="wandb")


def quantised(args: Args):
    bnb = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
    model_kwargs = {
        "pretrained_model_name_or_path": "google/gemma-2-2b",
        "quantization_config": bnb,
        "attn_implementation": "eager",
    }
    return AutoModelForCausalLM.from_pretrained(**model_kwargs)


def resume():
    base = AutoModelForCausalLM.from_pretrained("NousResearch/Llama-2-7b-hf", **{"low_cpu_mem_usage": True})
    tuned = PeftModel.from_pretrained(base, "forge-lab/llama2-7b-support-lora", revision="v0.3", is_trainable=True)
    tuned.load_adapter("forge-lab/llama2-7b-tone-lora", adapter_name="tone")
    tuned.load_adapter("./runs/sft/checkpoint-500", adapter_name="local")
    merged = AutoPeftModelForCausalLM.from_pretrained("forge-lab/qwen-router-lora").merge_and_unload()
    return tuned, merged


def main() -> None:
    args = tyro.cli(Args)
    model = AutoModelForCausalLM.from_pretrained(args.model, revision=args.model_revision)
    tokenizer = AutoTokenizer.from_pretrained(args.tokenizer, revision="v1.1")
    train = load_dataset(args.dataset, split="train_sft")
    trainer = SFTTrainer(
        model=model,
        processing_class=tokenizer,
        train_dataset=train,
        args=SFTConfig(output_dir=args.output_dir, hub_model_id="forge-lab/qwen-support-sft"),
        peft_config=LoraConfig(r=args.lora_r),
    )
    trainer.train()
    trainer.push_to_hub()


def quick() -> None:
    train = load_dataset("stanfordnlp/imdb", split="train")
    SFTTrainer("facebook/opt-350m", train_dataset=train, args=SFTConfig(output_dir="/tmp/sft")).train()


if __name__ == "__main__":
    main()
