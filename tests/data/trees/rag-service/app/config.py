"""Configuration of the service."""

import os
from enum import Enum
from functools import lru_cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

EMBEDDING_MODEL = os.getenv("EMBEDDING_MODEL", "all-MiniLM-L6-v2")
RERANK_MODEL = os.getenv("RERANK_MODEL", "cross-encoder/ms-marco-MiniLM-L-6-v2")
RERANK_REVISION = "c5ee24cb16019beea0893ab7796b1df96625c6b8"
OLD_RERANK_MODEL = "cross-encoder/ms-marco-TinyBERT-L-2-v2"


class Tagger(str, Enum):
    FAST = "dslim/distilbert-NER"
    LARGE = "dslim/bert-large-NER"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RAG_", protected_namespaces=())

    generator_id: str = "HuggingFaceTB/SmolLM2-1.7B-Instruct"
    generator_revision: str = "31b70e2e869a7173562077fd711b654946d38674"
    summarizer: str = Field("sshleifer/distilbart-cnn-12-6", description="facebook/bart-large-cnn is better, but slow")
    whisper_model: str = Field(default="openai/whisper-base", alias="ASR")
    openai_model: str = "openai/gpt-4o-mini"
    database_url: str = "postgresql://rag/rag"
    content_type: str = "text/plain"


@lru_cache
def get_settings() -> Settings:
    return Settings()
