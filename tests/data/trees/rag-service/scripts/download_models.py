#!/usr/bin/env python
"""Fill the cache of the image. Run as: python scripts/download_models.py --only org/name"""
import argparse
from concurrent.futures import ThreadPoolExecutor

from huggingface_hub import HfApi, hf_hub_download, snapshot_download

PINNED = {
    "BAAI/bge-small-en-v1.5": "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a",
    "BAAI/bge-reranker-base": "2cfc18c9415c912f9d8155881c133215df768a70",
}
FLOATING = ["openai/clip-vit-base-patch32", "google/siglip-base-patch16-224"]
GGUF = {
    "chat": ("bartowski/Qwen2.5-3B-Instruct-GGUF", "Qwen2.5-3B-Instruct-Q4_K_M.gguf"),
    "code": ("bartowski/Qwen2.5-Coder-3B-GGUF", "Qwen2.5-Coder-3B-Q6_K.gguf"),
}


def fetch(repo, revision=None):
    return snapshot_download(repo_id=repo, revision=revision, allow_patterns=["*.safetensors", "*.json"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--extra", default="nomic-ai/nomic-embed-text-v1.5", help="e.g. thenlper/gte-small")
    parser.add_argument("--cache-dir", default="var/cache")
    args = parser.parse_args()
    for repo, sha in PINNED.items():
        fetch(repo, sha)
    with ThreadPoolExecutor() as pool:
        list(pool.map(fetch, FLOATING))
    fetch(args.extra)
    for name, (repo, filename) in GGUF.items():
        hf_hub_download(repo, filename, local_dir=f"models/{name}")
    hf_hub_download(repo_id="acme-labs/eval-set", filename="test.jsonl", repo_type="dataset")
    HfApi().upload_folder(repo_id="acme-labs/rag-index", folder_path="out")


if __name__ == "__main__":
    main()
