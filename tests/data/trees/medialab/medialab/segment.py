from pathlib import Path

import cv2
from sam2.sam2_image_predictor import SAM2ImagePredictor
from transformers import SamModel, pipeline
from ultralytics import YOLO
from huggingface_hub import hf_hub_download, hf_hub_url, PyTorchModelHubMixin

WEIGHTS = Path("weights") / "yolo.pt"


def sam(size="base"):
    repo = {"base": "facebook/sam-vit-base", "huge": "facebook/sam-vit-huge"}[size]
    return SamModel.from_pretrained(repo)


def sam2():
    return SAM2ImagePredictor.from_pretrained("facebook/sam2-hiera-large")


def faces():
    path = hf_hub_download(repo_id="arnabdhar/YOLOv8-Face-Detection", filename="model.pt")
    return YOLO(path)


def background():
    return pipeline("image-segmentation", model="briaai/RMBG-1.4", trust_remote_code=True)


def depth_url():
    return hf_hub_url("depth-anything/Depth-Anything-V2-Small", filename="depth_anything_v2_vits.pth", revision="main")
