#!/bin/bash
# run once on a rented box
COMFY=/workspace/ComfyUI

NODES=(
    "https://github.com/ltdrdata/ComfyUI-Manager"
    "https://github.com/cubiq/ComfyUI_IPAdapter_plus"
)

CHECKPOINT_MODELS=(
    "https://huggingface.co/stabilityai/stable-diffusion-3.5-medium/resolve/main/sd3.5_medium.safetensors"
    #"https://huggingface.co/stabilityai/stable-diffusion-3.5-large/resolve/main/sd3.5_large.safetensors"
    "https://civitai.com/api/download/models/798204?type=Model&format=SafeTensor"
)

CLIP_MODELS=(
    "https://huggingface.co/comfyanonymous/flux_text_encoders/resolve/main/clip_l.safetensors"
)

ESRGAN_MODELS=(
    "https://huggingface.co/ai-forever/Real-ESRGAN/resolve/8110204ebf8d25c031b66c26c2d1098aa831157e/RealESRGAN_x4.pth"
)

get() {
    dir="$COMFY/models/$1"; shift
    mkdir -p "$dir"
    for url in "$@"; do
        wget --header="Authorization: Bearer $HF_TOKEN" -qnc --content-disposition -P "$dir" "$url"
    done
}

for repo in "${NODES[@]}"; do
    git clone "$repo" "$COMFY/custom_nodes/${repo##*/}" --recursive
done
get checkpoints "${CHECKPOINT_MODELS[@]}"
get clip "${CLIP_MODELS[@]}"
get upscale_models "${ESRGAN_MODELS[@]}"
