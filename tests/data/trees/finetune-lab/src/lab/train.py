"""Train an adapter: python -m lab.train --base org/name"""
import os
from dataclasses import dataclass, field
from pathlib import Path

import click
import timm
import open_clip
from datasets import load_dataset
from diffusers import AutoencoderKL, ControlNetModel, StableDiffusionXLControlNetPipeline
from peft import AutoPeftModelForCausalLM, LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, HfArgumentParser, TrainingArguments
from trl import DPOTrainer, SFTTrainer
from unsloth import FastLanguageModel
from vllm import LLM, SamplingParams

ORG = "unsloth"
SIZES = ("1B", "3B")
OUTPUT = "checkpoints/llama-sft"


@dataclass
class ModelArguments:
    model_name_or_path: str = field(default="meta-llama/Llama-3.2-1B", metadata={"help": "path or id"})
    model_revision: str = field(default="4e20de362430cd3b72f300e6b0f18e50e7166e08")
    tokenizer_name: str | None = None
    dataset_name: str = "HuggingFaceH4/ultrachat_200k"
    hub_model_id: str = "acme-labs/llama-sft"


def run():
    parser = HfArgumentParser((ModelArguments, TrainingArguments))
    model_args, training_args = parser.parse_args_into_dataclasses()
    data = load_dataset(model_args.dataset_name, split="train")
    data2 = load_dataset("Anthropic/hh-rlhf")
    tokenizer = AutoTokenizer.from_pretrained(
        model_args.tokenizer_name or model_args.model_name_or_path, revision=model_args.model_revision
    )
    model = AutoModelForCausalLM.from_pretrained(
        model_args.model_name_or_path,
        revision=model_args.model_revision,
        quantization_config=BitsAndBytesConfig(load_in_4bit=True),
    )
    trainer = SFTTrainer(model=model, train_dataset=data, args=training_args)
    trainer.train()
    trainer.save_model(OUTPUT)
    AutoPeftModelForCausalLM.from_pretrained(OUTPUT)
    DPOTrainer(
        "Qwen/Qwen2-0.5B-Instruct",
        train_dataset=data2,
    ).push_to_hub("acme-labs/qwen-dpo")


@click.group()
def cli():
    pass


@cli.command()
@click.option("--base", "base_model", default="Qwen/Qwen2.5-0.5B", show_default=True)
@click.option("--size", type=click.Choice(SIZES), default="1B")
def fast(base_model, size):
    for size in SIZES:
        FastLanguageModel.from_pretrained(model_name=f"{ORG}/Llama-3.2-{size}-bnb-4bit", max_seq_length=2048)
    llm = LLM(base_model, enforce_eager=True)
    LLM(model="mistralai/Ministral-8B-Instruct-2410", tokenizer_mode="mistral", revision="v0.2").generate(["a"], SamplingParams())


def images():
    vae = AutoencoderKL.from_pretrained("madebyollin/sdxl-vae-fp16-fix", subfolder=None)
    control = ControlNetModel.from_pretrained("diffusers/controlnet-canny-sdxl-1.0", variant="fp16")
    pipe = StableDiffusionXLControlNetPipeline.from_pretrained(
        "stabilityai/stable-diffusion-xl-base-1.0",
        controlnet=control,
        vae=vae,
        revision="462165984030d82259a11f4367a4eed129e94a7b",
        variant="fp16",
    )
    pipe.load_lora_weights("latent-consistency/lcm-lora-sdxl", weight_name="pytorch_lora_weights.safetensors")
    pipe.load_ip_adapter("h94/IP-Adapter", subfolder="sdxl_models", weight_name="ip-adapter_sdxl.bin")
    timm.create_model("hf-hub:timm/eva02_base_patch14_448.mim_in22k_ft_in22k_in1k", pretrained=True)
    timm.create_model("resnet50", pretrained=True)
    open_clip.create_model_and_transforms("hf-hub:apple/MobileCLIP-S1-OpenCLIP")
    open_clip.create_model_and_transforms("ViT-B-32", pretrained="laion2b_s34b_b79k")
    return pipe


if __name__ == "__main__":
    run()
