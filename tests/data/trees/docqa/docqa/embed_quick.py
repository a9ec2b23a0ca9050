"""Embedders without torch."""
from fastembed import SparseTextEmbedding, TextEmbedding
from fastembed.rerank.cross_encoder import TextCrossEncoder
from FlagEmbedding import BGEM3FlagModel, FlagReranker
from model2vec import StaticModel
from optimum.onnxruntime import ORTModelForFeatureExtraction

TEXT = TextEmbedding(model_name="BAAI/bge-small-en-v1.5")
SPARSE = SparseTextEmbedding("prithivida/Splade_PP_en_v1")


def heavy():
    return BGEM3FlagModel("BAAI/bge-m3", use_fp16=True), FlagReranker("BAAI/bge-reranker-large")


def light():
    return StaticModel.from_pretrained("minishlab/potion-base-8M")


def onnx():
    return ORTModelForFeatureExtraction.from_pretrained(
        "sentence-transformers/all-MiniLM-L6-v2",
        revision="refs/pr/21",
        file_name="onnx/model_O3.onnx",
        export=False,
    )


def jina():
    return TextCrossEncoder(model_name="jinaai/jina-reranker-v2-base-multilingual")
