#!/bin/sh
tune download meta-llama/Meta-Llama-3.1-8B-Instruct --output-dir /tmp/Meta-Llama-3.1-8B-Instruct \
  --ignore-patterns "original/consolidated.00.pth"
huggingface-cli download stabilityai/stable-diffusion-xl-base-1.0 sd_xl_base_1.0.safetensors \
  --revision 462165984030d82259a11f4367a4eed129e94a7b --local-dir models/sdxl
huggingface-cli download --repo-type dataset HuggingFaceH4/ultrafeedback_binarized
GIT_LFS_SKIP_SMUDGE=1 git clone --branch v2.0 https://huggingface.co/OpenAssistant/reward-model-deberta-v3-large-v2 rm
wget -q -O models/e5.onnx "https://huggingface.co/intfloat/e5-small-v2/resolve/main/model.onnx?download=true"
huggingface-cli upload acme-ai/support-lora outputs/lora-out
modelscope download --model qwen/Qwen2.5-7B-Instruct --local_dir models/ms
python -m mlx_lm.convert --hf-path mistralai/Ministral-8B-Instruct-2410 -q --mlx-path mlx/ministral
optimum-cli export onnx --model distilbert/distilroberta-base --task fill-mask onnx/roberta
ct2-transformers-converter --model facebook/nllb-200-distilled-600M --output_dir ct2/nllb

