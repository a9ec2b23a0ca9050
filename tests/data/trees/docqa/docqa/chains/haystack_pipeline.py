from haystack import Pipeline
from haystack.components.embedders import SentenceTransformersDocumentEmbedder, SentenceTransformersTextEmbedder
from haystack.components.generators import HuggingFaceLocalGenerator
from haystack.components.generators.chat import HuggingFaceAPIChatGenerator
from haystack.components.rankers import SentenceTransformersSimilarityRanker, TransformersSimilarityRanker
from haystack.components.readers import ExtractiveReader
from haystack.utils import ComponentDevice

from docqa import constants as const


def indexing():
    pipe = Pipeline()
    pipe.add_component("embedder", SentenceTransformersDocumentEmbedder(model=const.HAYSTACK_EMBEDDER))
    return pipe


def querying():
    pipe = Pipeline()
    pipe.add_component("text_embedder", SentenceTransformersTextEmbedder(model=const.HAYSTACK_EMBEDDER, progress_bar=False))
    pipe.add_component("ranker", TransformersSimilarityRanker(model="cross-encoder/ms-marco-MiniLM-L-12-v2", top_k=5))
    pipe.add_component("ranker2", SentenceTransformersSimilarityRanker(model=const.RANKERS["small"]))
    pipe.add_component("reader", ExtractiveReader(model="deepset/roberta-base-squad2-distilled"))
    pipe.add_component(
        "generator",
        HuggingFaceLocalGenerator(
            model="google/flan-t5-large",
            task="text2text-generation",
            device=ComponentDevice.from_str("cpu"),
        ),
    )
    return pipe


def chat():
    return HuggingFaceAPIChatGenerator(
        api_type="serverless_inference_api", api_params={"model": "Qwen/Qwen2.5-72B-Instruct"}
    )
