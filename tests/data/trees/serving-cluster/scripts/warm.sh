#!/usr/bin/env bash
set -euo pipefail
: "${CHAT_MODEL:=northlake/Granite-Chat-8B}"
REV="${REV:-9c8b7a6f5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b}"
EMBEDDERS=(
  fjordlabs/small-embed-v2
  "fjordlabs/long-embed"   # 8k
)
hf download "$CHAT_MODEL" --revision "$REV"
for m in "${EMBEDDERS[@]}"; do
  hf download "$m"
done
# hf download northlake/not-any-more
lm_eval --model vllm --model_args pretrained=northlake/Granite-Mini,revision=v3,dtype=auto --tasks hellaswag
curl -fsSL https://huggingface.co/harborai/vad-mini/resolve/main/config.json -o /tmp/c.json
curl -s http://localhost:8000/v1/models
git clone --depth 1 https://huggingface.co/harborai/tone-classifier /models/tone
if ! hf download northlake/optional-lora --quiet; then echo "no lora"; fi
python -m vllm.entrypoints.openai.api_server \
  --model "${2:-northlake/Granite-Coder-3B}" \
  --chat-template templates/chat.jinja
cat > /etc/app/models.toml <<CONF
[rerank]
model_id = "fjordlabs/rerank-base"
revision = "v1"
CONF
