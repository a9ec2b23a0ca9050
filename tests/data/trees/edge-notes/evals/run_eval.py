import itertools
import logging
import os

import evaluate
import torch
from bert_score import BERTScorer
from datasets import load_dataset
from flair.data import Sentence
from flair.models import SequenceTagger
from gliner import GLiNER
from keybert import KeyBERT
from mlx_lm import generate, load
from setfit import SetFitModel
from span_marker import SpanMarkerModel
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

CANDIDATES = {
    "base": dict(model_id="EleutherAI/pythia-160m", revision="step3000"),
    "tuned": dict(model_id="acme-notes/pythia-160m-notes", revision=os.getenv("REV", "v1.4.0")),
}
SEEDS, DTYPES = [1, 2], ["float16", "bfloat16"]
METRIC = "rouge"
BASELINES: list[str] = []
BASELINES.append("facebook/opt-125m")


def load_pair(model_id: str, revision: str | None = None, *, dtype="auto"):
    kwargs = {"revision": revision}
    if dtype != "auto":
        kwargs["torch_dtype"] = getattr(torch, dtype)
    return AutoModelForCausalLM.from_pretrained(model_id, **kwargs), AutoTokenizer.from_pretrained(model_id, **kwargs)


def evaluate_all():
    metric = evaluate.load(METRIC)
    data = load_dataset("cnn_dailymail", "3.0.0", split="test")
    for (name, spec), seed, dtype in itertools.product(CANDIDATES.items(), SEEDS, DTYPES):
        set_seed(seed)
        model, tokenizer = load_pair(**spec, dtype=dtype)
        logging.info("%s %s", name, metric.compute(predictions=model(tokenizer(data[0]))))
    scorer = BERTScorer(model_type="microsoft/deberta-xlarge-mnli")
    tagger = SequenceTagger.load("flair/ner-english-fast")
    tagger.predict(Sentence("a"))
    GLiNER.from_pretrained("urchade/gliner_small-v2.1")
    KeyBERT(model="paraphrase-MiniLM-L3-v2")
    SetFitModel.from_pretrained("lewtun/setfit-ethos-multilabel-example", revision="1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d")
    SpanMarkerModel.from_pretrained("tomaarsen/span-marker-bert-base-fewnerd-fine-super").cuda()
    model, tok = load("mlx-community/Llama-3.2-1B-Instruct-4bit")
    generate(model, tok, prompt="openai/whisper is a model")
    return scorer


class Judge:
    model: str = "prometheus-eval/prometheus-7b-v2.0"

    def __call__(self, answer):
        if not hasattr(self, "_model"):
            self._model, self._tok = load_pair(self.model)
        return self._model.generate(**self._tok(answer))
