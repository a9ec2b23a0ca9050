#!/bin/bash
#SBATCH --job-name=forge/sft --partition=gpu/h100
trl sft --model_name_or_path facebook/opt-125m --dataset_name stanfordnlp/imdb --output_dir opt-sft-imdb

accelerate launch --config_file configs/ds.yaml -m forge.train.sft --model EleutherAI/pythia-2.8b --dataset tatsu-lab/alpaca

llamafactory-cli train configs/factory/qwen_lora.yaml
axolotl train configs/axolotl/support.yml
mergekit-yaml configs/merge/blend.yml out/blend --cuda

tune download google/gemma-2-9b --output-dir /srv/gemma-2-9b --ignore-patterns "*.bin"
litgpt download stabilityai/stablelm-base-alpha-3b
python -m mlx_lm.convert --hf-path 01-ai/Yi-1.5-6B-Chat -q --mlx-path out/yi-mlx

lighteval accelerate "model_name=HuggingFaceTB/SmolLM2-135M,revision=main,dtype=bfloat16" "leaderboard|hellaswag|5|1"
huggingface-cli upload forge-lab/runs ./runs --repo-type dataset
huggingface-cli repo create support-demo --type space --space_sdk gradio
