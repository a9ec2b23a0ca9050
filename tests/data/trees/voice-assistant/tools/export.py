"""Export models to ONNX."""
import sys
from pathlib import Path

from optimum.onnxruntime import ORTModelForSequenceClassification, ORTModelForFeatureExtraction
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer

TARGETS = [
    ("cardiffnlp/twitter-roberta-base-sentiment-latest", "sentiment"),
    ("SamLowe/roberta-base-go_emotions", "emotion"),
]
ROOT = Path("build/onnx")


def export(model_id, out):
    model = ORTModelForSequenceClassification.from_pretrained(model_id, export=True)
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(model_id).save_pretrained(out)
    return ORTModelForSequenceClassification.from_pretrained(out)


def main(argv=None):
    argv = argv or sys.argv[1:]
    wanted = argv[0] if argv else "avsolatorio/GIST-small-Embedding-v0"
    ORTModelForFeatureExtraction.from_pretrained(wanted, export=True)
    for model_id, kind in TARGETS:
        export(model_id, ROOT / kind)
    models = {name: SentenceTransformer(name) for name in ("thenlper/gte-small", "intfloat/e5-base-v2")}
    return models


if __name__ == "__main__":
    main()
