#!/usr/bin/env python3
# coding=utf-8
"""Named entities in clinical notes."""
import argparse

from absl import app, flags, logging
from flair.embeddings import StackedEmbeddings, TransformerWordEmbeddings, WordEmbeddings
from simpletransformers.ner import NERModel
from span_marker import SpanMarkerModel
from tokenizers import Tokenizer
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    BertForTokenClassification,
    BertTokenizer,
    RobertaConfig,
    RobertaForTokenClassification,
    RobertaTokenizer,
)

MODEL_CLASSES = {
    "bert": (BertConfig, BertForTokenClassification, BertTokenizer),
    "roberta": (RobertaConfig, RobertaForTokenClassification, RobertaTokenizer),
}
LABELS = ["O", "B-DRUG/DOSE", "I-DRUG/DOSE", "B-SIGN/SYMPTOM", "I-SIGN/SYMPTOM"]

FLAGS = flags.FLAGS
flags.DEFINE_string("teacher", "emilyalsentzer/Bio_ClinicalBERT", "Teacher checkpoint.")
flags.DEFINE_string("data", "bigbio/n2c2_2018_track2", "Dataset of the teacher.")
flags.DEFINE_enum("split", "train/dev", ["train/dev", "test"], "Which split.")


def get_args(argv=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_type", default="bert", choices=sorted(MODEL_CLASSES))
    parser.add_argument("--bert_model", default="bert-base-cased", type=str,
                        help="Bert pre-trained model selected in the list: bert-base-uncased")
    parser.add_argument("--lang", default="en")
    parser.add_argument("--data_dir", default="data/i2b2", type=str)
    parser.add_argument("--output_dir", default="output/ner", type=str)
    args = parser.parse_args(argv)
    if args.lang == "zh":
        args.bert_model = "hfl/chinese-roberta-wwm-ext"
    elif args.lang == "de":
        args.bert_model = "deepset/gbert-base"
    return args


def train(args):
    config_class, model_class, tokenizer_class = MODEL_CLASSES[args.model_type]
    config = config_class.from_pretrained(args.bert_model, num_labels=len(LABELS))
    tokenizer = tokenizer_class.from_pretrained(args.bert_model, do_lower_case=False)
    model = model_class.from_pretrained(args.bert_model, config=config)
    model.save_pretrained(args.output_dir)
    tokenizer.save_pretrained(args.output_dir)
    return model_class.from_pretrained(args.output_dir)


def baselines():
    simple = NERModel("roberta", "roberta-base", labels=LABELS, use_cuda=False)
    span = SpanMarkerModel.from_pretrained("tomaarsen/span-marker-roberta-large-ontonotes5")
    fast = Tokenizer.from_pretrained("dmis-lab/biobert-v1.1")
    embeddings = StackedEmbeddings([
        WordEmbeddings("glove"),
        TransformerWordEmbeddings("xlm-roberta-large", layers="-1", fine_tune=True),
        TransformerWordEmbeddings(model="allenai/scibert_scivocab_cased"),
    ])
    return simple, span, fast, embeddings


def teacher(_):
    model = AutoModelForTokenClassification.from_pretrained(FLAGS.teacher)
    tokenizer = AutoTokenizer.from_pretrained(FLAGS.teacher)
    logging.info("teacher %s on %s/%s", model, FLAGS.data, tokenizer)


if __name__ == "__main__":
    app.run(teacher)
