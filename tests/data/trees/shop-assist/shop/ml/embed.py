import argparse
from typing import ClassVar

from sentence_transformers import SentenceTransformer, util
from transformers import AutoModel, AutoTokenizer

from ..core.conf import TEXT_MODEL


class Encoder:
    MODEL_NAME: ClassVar[str] = "WhereIsAI/UAE-Large-V1"
    fallback = ("all-distilroberta-v1",)

    def __init__(self):
        try:
            self.st = SentenceTransformer(Encoder.MODEL_NAME)
        except OSError:
            self.st = SentenceTransformer(self.fallback[0])


def default():
    return SentenceTransformer(TEXT_MODEL, cache_folder="cache/models")


def parse():
    p = argparse.ArgumentParser()
    g = p.add_argument_group("model")
    g.add_argument("-m", "--model_name_or_path", type=str, default="BAAI/bge-base-zh", help="name")
    g.add_argument("--rev", dest="model_revision", default="f1a2b3c")
    return p.parse_args()


def run(args):
    tok = AutoTokenizer.from_pretrained(args.model_name_or_path, revision=args.model_revision)
    model = AutoModel.from_pretrained(args.model_name_or_path, revision=args.model_revision)
    return util.cos_sim(tok, model)


if __name__ == "__main__":
    run(parse())
