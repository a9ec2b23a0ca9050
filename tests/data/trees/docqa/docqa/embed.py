from functools import lru_cache

from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder

from docqa.settings import CONFIG


@lru_cache(maxsize=None)
def dense() -> SentenceTransformer:
    spec = CONFIG.dense
    return SentenceTransformer(spec.repo, revision=spec.revision, trust_remote_code=spec.trust_remote_code)


@lru_cache(maxsize=None)
def sparse():
    return SparseEncoder(CONFIG.sparse.repo, revision=CONFIG.sparse.revision)


@lru_cache(maxsize=None)
def reranker() -> CrossEncoder:
    return CrossEncoder(CONFIG.rerank_model, max_length=512)
