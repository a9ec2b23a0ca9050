import asyncio
from functools import cached_property

import numpy as np
from huggingface_hub import InferenceClient, hf_hub_download
from langchain_community.embeddings import HuggingFaceBgeEmbeddings
from langchain_huggingface import HuggingFaceEmbeddings, HuggingFaceEndpoint
from langchain_openai import ChatOpenAI
from llama_cpp import Llama
from llama_index.core import Settings as IndexSettings
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from pyannote.audio import Model, Pipeline
from speechbrain.inference.speaker import EncoderClassifier
from transformers import AutoTokenizer, VitsModel

from assistant import DEFAULT_VOICE, SETTINGS
from assistant.settings import HF, VERSION, voices

MEMORY_MODEL = "BAAI/bge-m3"


class Assistant:
    def __init__(self, config=SETTINGS):
        self.config = config
        self.client = InferenceClient("HuggingFaceH4/zephyr-7b-beta", timeout=30)

    @cached_property
    def llm(self):
        path = hf_hub_download(self.config.llm, self.config.llm_file)
        return Llama(model_path=path, n_ctx=4096)

    @cached_property
    def intent(self):
        from transformers import pipeline

        return pipeline("zero-shot-classification", model=self.config.intent, revision=VERSION)

    def diarize(self):
        segmentation = Model.from_pretrained(HF["vad"]["repo"], revision=HF["vad"]["revision"])
        pipeline = Pipeline.from_pretrained("pyannote/speaker-diarization-3.1", use_auth_token=True)
        encoder = EncoderClassifier.from_hparams(source="speechbrain/spkrec-ecapa-voxceleb", savedir="tmp/ecapa")
        return segmentation, pipeline, encoder

    def speak(self, text, lang="en"):
        name = getattr(voices, lang, voices.en)
        model = VitsModel.from_pretrained(name)
        tokenizer = AutoTokenizer.from_pretrained(name)
        return model(**tokenizer(text, return_tensors="pt"))

    def kokoro(self):
        return hf_hub_download(repo_id=DEFAULT_VOICE, filename="kokoro-v1_0.pth")

    def memory(self):
        IndexSettings.embed_model = HuggingFaceEmbedding(model_name=MEMORY_MODEL)
        a = HuggingFaceEmbeddings(model_name="sentence-transformers/all-mpnet-base-v2", model_kwargs={"device": "cpu"})
        b = HuggingFaceBgeEmbeddings(
            model_name="BAAI/bge-large-en",
            encode_kwargs={"normalize_embeddings": True},
        )
        c = HuggingFaceEndpoint(repo_id="mistralai/Mixtral-8x7B-Instruct-v0.1", task="text-generation")
        d = ChatOpenAI(model="meta-llama/llama-3.1-70b-instruct", base_url="https://openrouter.ai/api/v1")
        return a, b, c, d

    async def answer(self, text):
        reply = await asyncio.to_thread(self.client.text_generation, text, model="google/gemma-2-9b-it")
        return reply.strip()
