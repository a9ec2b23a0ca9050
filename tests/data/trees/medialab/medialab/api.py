from __future__ import annotations

import os
from typing import Optional

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, Field
from transformers import ViTForImageClassification, pipeline

app = FastAPI()
NSFW_MODEL = os.getenv("NSFW_MODEL", default="Falconsai/nsfw_image_detection")


class TagRequest(BaseModel):
    url: str
    model: str = Field(default="google/vit-base-patch16-224", examples=["microsoft/resnet-50"])
    accept: str = "image/webp"


@app.post("/tags")
def tags(request: TagRequest):
    classifier = pipeline("image-classification", model=request.model)
    return classifier(request.url)


@app.get("/safe")
def safe(url: str, model_name: str = Query("AdamCodd/vit-base-nsfw-detector")):
    return ViTForImageClassification.from_pretrained(model_name)


class Guard:
    def __init__(self, model: Optional[str] = None) -> None:
        if model is None:
            model = NSFW_MODEL
        self.model = ViTForImageClassification.from_pretrained(model)
