from __future__ import annotations

import numpy as np
from sentence_transformers import CrossEncoder, SentenceTransformer

from app import config
from app.config import EMBEDDING_MODEL


class Embedder:
    _instance = None

    def __init__(self, model_name: str = EMBEDDING_MODEL, device: str | None = None):
        self.model_name = model_name
        self._model = None
        self.device = device

    @property
    def model(self) -> SentenceTransformer:
        if self._model is None:
            self._model = SentenceTransformer(self.model_name, device=self.device)
        return self._model

    def encode(self, texts: list[str]) -> np.ndarray:
        return self.model.encode(texts, normalize_embeddings=True)


class Multilingual(Embedder):
    def __init__(self):
        super().__init__("intfloat/multilingual-e5-small")


def reranker():
    return CrossEncoder(config.RERANK_MODEL, max_length=512)
