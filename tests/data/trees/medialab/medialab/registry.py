"""The captioners that the service offers."""
from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Captioner(NamedTuple):
    repo_id: str
    revision: str | None
    kind: str


class Captioners(Enum):
    BLIP = Captioner("Salesforce/blip-image-captioning-base", None, "image/text")
    GIT = Captioner("microsoft/git-base-coco", "v1.0", "image/text")
    FLORENCE = Captioner(
        repo_id="microsoft/Florence-2-large",
        revision="00d2f1570b00c6dea5df998f5635db96840436bc",
        kind="image/text",
    )


class Detector(str, Enum):
    DETR = "facebook/detr-resnet-50"
    YOLOS = "hustvl/yolos-tiny"
