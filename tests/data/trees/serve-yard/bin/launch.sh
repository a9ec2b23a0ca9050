#!/usr/bin/env bash
set -euo pipefail
export HF_HUB_ENABLE_HF_TRANSFER=1
MODEL_ID=${1:-mistralai/Mistral-Nemo-Instruct-2407}
DRAFT="ibm-fms/llama3-8b-accelerator"
TOKENIZER_DIR=/srv/tokenizers/nemo

case "${BACKEND:-vllm}" in
  vllm)
    python -m vllm.entrypoints.openai.api_server \
      --model "$MODEL_ID" \
      --speculative-model "$DRAFT" \
      --tokenizer mistralai/Mistral-Nemo-Base-2407\
      --tensor-parallel-size 2
    ;;
  tgi)
    docker run --gpus all -p 8080:80 -v "$PWD/data:/data" ghcr.io/huggingface/text-generation-inference:2.4 \
      --model-id tiiuae/falcon-7b-instruct --revision 8782b5c --quantize bitsandbytes-nf4
    ;;
  llama)
    llama-server -hf bartowski/Qwen2.5-Coder-7B-Instruct-GGUF:Q5_K_M -hfd bartowski/Qwen2.5-Coder-0.5B-Instruct-GGUF:Q8_0 --port 8080
    ;;
  cli)
    llama-cli --hf-repo ggml-org/gemma-3-1b-it-GGUF --hf-file gemma-3-1b-it-Q4_K_M.gguf -p "Hi"
    ;;
  ollama)
    ollama pull llama3.2
    ollama run hf.co/unsloth/gemma-2-2b-it-GGUF:Q4_K_M
    ;;
  lmdeploy)
    lmdeploy serve api_server internlm/internlm2-chat-1_8b --server-port 23333
    ;;
  aider)
    aider --model openrouter/anthropic/claude-3.5-sonnet --edit-format diff
    ;;
esac
