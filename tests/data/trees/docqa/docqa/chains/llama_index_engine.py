from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.embeddings import resolve_embed_model
from llama_index.core.postprocessor import SentenceTransformerRerank
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.huggingface import HuggingFaceLLM
from llama_index.llms.ollama import Ollama

LLM_NAME = "HuggingFaceH4/zephyr-7b-alpha"


def configure(local: bool = True):
    Settings.embed_model = resolve_embed_model("local:BAAI/bge-base-en-v1.5")
    if local:
        Settings.llm = HuggingFaceLLM(
            model_name=LLM_NAME,
            tokenizer_name=LLM_NAME,
            context_window=3900,
        )
    else:
        Settings.llm = Ollama(model="llama3.1:8b", request_timeout=60.0)


def configure_short():
    Settings.embed_model = "local:thenlper/gte-large"


def engine(index: VectorStoreIndex):
    rerank = SentenceTransformerRerank(model="cross-encoder/ms-marco-MiniLM-L-2-v2", top_n=3)
    return index.as_query_engine(similarity_top_k=10, node_postprocessors=[rerank])


def nomic():
    return HuggingFaceEmbedding("nomic-ai/nomic-embed-text-v1.5", trust_remote_code=True)
