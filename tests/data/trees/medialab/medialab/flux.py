import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, GGUFQuantizationConfig, StableDiffusionPipeline
from transformers import T5EncoderModel

bfl_repo = "black-forest-labs/FLUX.1-dev"
revision = "refs/pr/3"

transformer = FluxTransformer2DModel.from_single_file(
    "https://huggingface.co/city96/FLUX.1-dev-gguf/blob/main/flux1-dev-Q2_K.gguf",
    quantization_config=GGUFQuantizationConfig(compute_dtype=torch.bfloat16),
)
text_encoder_2 = T5EncoderModel.from_pretrained(bfl_repo, subfolder="text_encoder_2", revision=revision)
pipe = FluxPipeline.from_pretrained(bfl_repo, transformer=None, text_encoder_2=None, revision=revision)
schnell = FluxPipeline.from_pretrained(
    pretrained_model_name_or_path="black-forest-labs/FLUX.1-schnell",
)
sd15 = StableDiffusionPipeline.from_single_file("./checkpoints/v1-5-pruned.safetensors")
