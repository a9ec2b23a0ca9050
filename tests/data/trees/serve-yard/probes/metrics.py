import evaluate
import tiktoken
from bert_score import BERTScorer
from comet import download_model, load_from_checkpoint
from detoxify import Detoxify
from sentence_transformers import CrossEncoder
from transformers import pipeline

NLI = CrossEncoder("cross-encoder/nli-deberta-v3-small")
NAMES = ["exact_match/strict", "f1/macro", "rouge/L"]


class Metrics:
    _judge_name = "prometheus-eval/prometheus-7b-v2.0"

    def __init__(self):
        self.rouge = evaluate.load("rouge")
        self.bleurt = evaluate.load("bleurt", "bleurt-large-512")
        self.bert = BERTScorer(model_type="microsoft/deberta-xlarge-mnli", rescale_with_baseline=True)
        self.comet = load_from_checkpoint(download_model("Unbabel/wmt22-comet-da"))
        self.toxic = Detoxify("original")
        self.tokens = tiktoken.encoding_for_model("gpt-4o")

    @property
    def judge(self):
        if not hasattr(self, "_judge"):
            self._judge = pipeline("text-generation", model=self._judge_name)
        return self._judge
