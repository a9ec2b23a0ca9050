"""Replicate endpoint of the studio."""
import os

import torch
from cog import BasePredictor, Input, Path
from diffusers import AutoencoderKL, ControlNetModel, StableDiffusionXLControlNetPipeline
from PIL import Image
from transformers import CLIPVisionModelWithProjection

CACHE = "/src/cache"
BASE = os.environ.get("SDXL_BASE", "SG161222/RealVisXL_V4.0")
WEIGHTS_URL = "https://weights.replicate.delivery/default/sdxl/sdxl-base.tar"
LCM = "latent-consistency/lcm-lora-sdxl"


class Predictor(BasePredictor):
    def setup(self) -> None:
        controlnet = ControlNetModel.from_pretrained(
            "diffusers/controlnet-canny-sdxl-1.0",
            torch_dtype=torch.float16,
            cache_dir=CACHE,
        )
        vae = AutoencoderKL.from_pretrained("madebyollin/sdxl-vae-fp16-fix", torch_dtype=torch.float16)
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            "h94/IP-Adapter", subfolder="models/image_encoder", torch_dtype=torch.float16
        )
        self.pipe = StableDiffusionXLControlNetPipeline.from_pretrained(
            BASE, controlnet=controlnet, vae=vae, image_encoder=encoder, variant="fp16", torch_dtype=torch.float16
        ).to("cuda")
        self.pipe.load_lora_weights(LCM)
        # self.pipe.load_lora_weights("nerijs/pixel-art-xl")

    def predict(
        self,
        prompt: str = Input(description="what to print", default="a lighthouse"),
        sketch: Path = Input(description="png or image/jpeg"),
    ) -> Path:
        image = self.pipe(prompt, image=Image.open(sketch), num_inference_steps=6).images[0]
        image.save("/tmp/out.png")
        return Path("/tmp/out.png")
