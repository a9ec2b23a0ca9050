#!/usr/bin/env bash
export MODEL_NAME="stabilityai/stable-diffusion-xl-base-1.0"
export INSTANCE_DIR="data/posters/lighthouse"
export OUTPUT_DIR="out/dreambooth-xl"

accelerate launch train_dreambooth_lora_sdxl.py \
  --pretrained_model_name_or_path=$MODEL_NAME \
  --pretrained_vae_model_name_or_path=madebyollin/sdxl-vae-fp16-fix \
  --instance_data_dir=$INSTANCE_DIR \
  --dataset_name=lambdalabs/naruto-blip-captions \
  --output_dir=$OUTPUT_DIR \
  --instance_prompt="a lhp poster" \
  --resolution=1024 \
  --hub_model_id=printshop/lighthouse-xl \
  --push_to_hub
