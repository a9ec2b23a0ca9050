#!/usr/bin/env bash
set -euo pipefail

lm_eval --model hf \
  --model_args pretrained=EleutherAI/gpt-j-6B,revision=float16,dtype=float16 \
  --tasks hellaswag,arc_easy --batch_size 8

lm_eval --model vllm \
  --model_args "pretrained=acme-ai/support-merged,tokenizer=NousResearch/Meta-Llama-3-8B,tensor_parallel_size=2" \
  --tasks gsm8k

lm_eval --model openai-chat-completions --model_args model=openai/gpt-4o-mini --tasks gsm8k

lighteval accelerate \
  "model_name=HuggingFaceTB/SmolLM2-1.7B-Instruct,revision=v1,dtype=bfloat16" \
  "leaderboard|gsm8k|5|1"

for m in Qwen/Qwen2.5-0.5B Qwen/Qwen2.5-1.5B; do
  lighteval vllm "model_name=$m,dtype=float16" "lighteval|arc:easy|0|0" --output-dir results/eval
done

accelerate launch -m lmms_eval --model llava_hf \
  --model_args pretrained=llava-hf/llava-1.5-7b-hf \
  --tasks seedbench

