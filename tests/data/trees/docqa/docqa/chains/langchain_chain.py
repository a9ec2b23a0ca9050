from langchain.retrievers.document_compressors import CrossEncoderReranker
from langchain_community.cross_encoders import HuggingFaceCrossEncoder
from langchain_community.embeddings import HuggingFaceBgeEmbeddings
from langchain_community.llms import VLLM, LlamaCpp
from langchain_huggingface import ChatHuggingFace, HuggingFaceEmbeddings, HuggingFaceEndpoint, HuggingFacePipeline
from langchain_openai import ChatOpenAI

EMBEDDING_KWARGS = {"model_name": "intfloat/multilingual-e5-large", "encode_kwargs": {"normalize_embeddings": True}}


def embeddings():
    return HuggingFaceEmbeddings(**EMBEDDING_KWARGS)


def legacy_embeddings(device="cpu"):
    model_name = "BAAI/bge-large-en-v1.5"
    model_kwargs = {"device": device}
    return HuggingFaceBgeEmbeddings(model_name=model_name, model_kwargs=model_kwargs)


def compressor():
    return CrossEncoderReranker(model=HuggingFaceCrossEncoder(model_name="BAAI/bge-reranker-base"), top_n=3)


def llm(kind: str):
    if kind == "openai":
        return ChatOpenAI(model="gpt-4o-mini", temperature=0)
    if kind == "endpoint":
        return ChatHuggingFace(llm=HuggingFaceEndpoint(repo_id="HuggingFaceH4/zephyr-7b-beta", task="text-generation"))
    if kind == "vllm":
        return VLLM(model="mosaicml/mpt-7b", trust_remote_code=True, max_new_tokens=128)
    if kind == "cpp":
        return LlamaCpp(model_path="./models/mistral-7b-instruct-v0.2.Q4_K_M.gguf", n_ctx=4096)
    return HuggingFacePipeline.from_model_id(
        model_id="microsoft/Phi-3.5-mini-instruct",
        task="text-generation",
        pipeline_kwargs={"max_new_tokens": 256},
    )
