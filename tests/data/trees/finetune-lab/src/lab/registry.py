from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, NamedTuple

from sentence_transformers import SentenceTransformer
from transformers import AutoModel, AutoTokenizer, CLIPModel


def st_loader(model_name: str, revision: str | None = None, **kwargs):
    return SentenceTransformer(model_name_or_path=model_name, revision=revision, trust_remote_code=True, **kwargs)


@dataclass
class ModelMeta:
    loader: Callable | None
    name: str
    revision: str | None = None
    license: str = "mit"


class Encoder(NamedTuple):
    repo: str
    sha: str = "main"
    pooling: str = "mean"


REGISTRY = [
    ModelMeta(
        loader=partial(
            st_loader,
            model_name="nomic-ai/nomic-embed-text-v1",
            revision="0759316f275aa0cb93a5b830973843ca66babcf5",
        ),
        name="nomic-v1",
    ),
    ModelMeta(loader=lambda: st_loader("Alibaba-NLP/gte-base-en-v1.5"), name="gte"),
]

ENCODERS: dict[str, Encoder] = {
    "bert": Encoder("google-bert/bert-base-uncased", sha="86b5e0934494bd15c9632b12f734a8a67f723594"),
    "mpnet": Encoder("microsoft/mpnet-base"),
    "deberta": Encoder(pooling="cls", repo="microsoft/deberta-v3-small", sha="refs/pr/4"),
}


def build(name: str):
    spec = ENCODERS[name]
    tokenizer = AutoTokenizer.from_pretrained(spec.repo, revision=spec.sha)
    return tokenizer, AutoModel.from_pretrained(spec.repo, revision=spec.sha)


class ClipTower:
    NAMES = {
        "b32": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "l14": "openai/clip-vit-large-patch14",
    }

    def __init__(self, size="b32"):
        self.net = CLIPModel.from_pretrained(self.NAMES[size])
