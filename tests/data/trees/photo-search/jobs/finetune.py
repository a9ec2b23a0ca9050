import os
import sys
from types import MappingProxyType

import torch
import wandb
import yaml
from omegaconf import OmegaConf
from peft import LoraConfig, PeftConfig, PeftModel, get_peft_model
from transformers import AutoModelForVision2Seq, AutoProcessor, Trainer, TrainingArguments, VisionEncoderDecoderModel

base_id = "HuggingFaceTB/SmolVLM-256M-Instruct"
branch = "v2"
adapter_id = "{}/{}".format("photo-search", "smolvlm-captions-lora")
teachers = MappingProxyType({"a": "Salesforce/blip2-opt-2.7b"})
cfg = OmegaConf.create({"student": {"path": "microsoft/git-base", "rev": None}})


def build_trainer():
    processor = AutoProcessor.from_pretrained(base_id, revision=branch)
    model = AutoModelForVision2Seq.from_pretrained(base_id, revision=branch, torch_dtype=torch.bfloat16)
    args = TrainingArguments(output_dir="out/smolvlm", hub_model_id="photo-search/smolvlm-captions", push_to_hub=True)
    return Trainer(model=get_peft_model(model, LoraConfig(r=8)), args=args), processor


def resume():
    config = PeftConfig.from_pretrained(adapter_id)
    base = AutoModelForVision2Seq.from_pretrained(config.base_model_name_or_path)
    return PeftModel.from_pretrained(base, adapter_id)


def distill():
    teacher = AutoModelForVision2Seq.from_pretrained(teachers["a"])
    student = AutoModelForVision2Seq.from_pretrained(cfg.student.path)
    pair = VisionEncoderDecoderModel.from_encoder_decoder_pretrained(
        "google/vit-base-patch16-224-in21k",
        "distilbert/distilgpt2",
    )
    return teacher, student, pair


if __name__ == "__main__":
    with open(sys.argv[1] if len(sys.argv) > 1 else "configs/train.yaml") as f:
        settings = yaml.safe_load(f)
    other = AutoProcessor.from_pretrained(settings["model"]["name"])
    wandb.init(project="photo-search/captions")
    build_trainer()[0].train()
