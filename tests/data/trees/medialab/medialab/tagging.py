import open_clip
import timm
import torch
from transformers import CLIPModel, CLIPProcessor

CLIP_ID = "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"
OPEN_CLIP_NAME = f"hf-hub:{CLIP_ID}"


def clip():
    model, _, preprocess = open_clip.create_model_and_transforms(OPEN_CLIP_NAME)
    return model, preprocess, open_clip.get_tokenizer(OPEN_CLIP_NAME)


def siglip():
    return open_clip.create_model_from_pretrained("hf-hub:timm/ViT-SO400M-14-SigLIP-384")


def backbone(name: str = "hf_hub:timm/eva02_large_patch14_448.mim_m38m_ft_in22k_in1k"):
    return timm.create_model(name, pretrained=True, num_classes=0)


def old_clip(checkpoint="openai/clip-vit-base-patch32", rev="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"):
    return CLIPModel.from_pretrained(checkpoint, revision=rev), CLIPProcessor.from_pretrained(checkpoint, revision=rev)


def dino():
    return torch.hub.load("facebookresearch/dinov2", "dinov2_vitb14")
