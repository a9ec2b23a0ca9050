import os
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import load_dotenv

load_dotenv()

ROOT = Path(__file__).resolve().parent.parent


def env(name: str, default: str) -> str:
    return os.getenv(name, default)


@dataclass(frozen=True)
class ModelSpec:
    repo: str
    revision: str = "main"
    dim: int = 1024
    trust_remote_code: bool = False


@dataclass
class RagConfig:
    dense: ModelSpec = field(
        default_factory=lambda: ModelSpec("BAAI/bge-m3", revision="5617a9f61b028005a4858fdac845db406aefb181")
    )
    sparse: ModelSpec = ModelSpec(repo="naver/splade-v3", dim=30522)
    rerank_model: str = env("RERANK_MODEL", "BAAI/bge-reranker-v2-m3")
    generator: str = os.environ.get("GENERATOR", "meta-llama/Llama-3.1-8B-Instruct")
    mime: str = "application/pdf"
    index_dir: str = "data/index"


CONFIG = RagConfig()
