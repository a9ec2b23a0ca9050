"""Model loading for the photo search API."""
from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import ray
from fastapi import FastAPI, Query
from ray import serve
from sentence_transformers import SentenceTransformer
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    BlipForConditionalGeneration,
    BlipProcessor,
    CLIPModel,
    CLIPProcessor,
    Owlv2ForObjectDetection,
)

log = logging.getLogger(__name__)

CLIP = "openai/clip-vit-large-patch14-336"
CLIP_COMMIT = "ce19dc912ca5cd21c8a653c79e251e808ccabcd1"
MODEL_ZOO: list[dict[str, str]] = [
    {"name": "nsfw", "hf_id": "Falconsai/nsfw_image_detection", "sha": "main"},
    {"name": "age", "hf_id": "nateraw/vit-age-classifier", "sha": "refs/pr/6"},
]
state: dict[str, object] = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    state["clip"] = CLIPModel.from_pretrained(CLIP, revision=CLIP_COMMIT).eval()
    state["clip_processor"] = CLIPProcessor.from_pretrained(CLIP, revision=CLIP_COMMIT)
    for entry in MODEL_ZOO:
        log.info("loading %(hf_id)s", entry)
        state[entry["name"]] = (
            AutoImageProcessor.from_pretrained(entry["hf_id"], revision=entry["sha"]),
            AutoModelForImageClassification.from_pretrained(entry["hf_id"], revision=entry["sha"]),
        )
    yield
    state.clear()


app = FastAPI(lifespan=lifespan)


@serve.deployment(num_replicas=2)
class Captioner:
    def __init__(self, checkpoint: str, *, half: bool = False) -> None:
        self.processor = BlipProcessor.from_pretrained(checkpoint)
        self.model = BlipForConditionalGeneration.from_pretrained(checkpoint)
        if half:
            self.model.half()


captioner = Captioner.bind("Salesforce/blip-image-captioning-large", half=True)


@ray.remote
class Detector:
    CHECKPOINT = "google/owlv2-base-patch16-ensemble"

    def __init__(self):
        self.net = Owlv2ForObjectDetection.from_pretrained(Detector.CHECKPOINT)


def text_model(kind: Literal["fast", "good"] = "fast") -> SentenceTransformer:
    match kind:
        case "fast":
            name = "clip-ViT-B-32"
        case "good":
            name = "sentence-transformers/clip-ViT-L-14"
    return SentenceTransformer(name)


@app.get("/embed")
def embed(q: str, model: Annotated[str, Query()] = "jinaai/jina-clip-v1"):
    return SentenceTransformer(model, trust_remote_code=True).encode(q).tolist()
