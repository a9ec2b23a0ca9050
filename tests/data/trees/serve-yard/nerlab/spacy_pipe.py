import spacy
import skops.hub_utils as hub_utils
from adapters import AutoAdapterModel
from huggingface_hub import from_pretrained_fastai, from_pretrained_keras, hf_hub_download
from transformers import FlaxAutoModel, TFAutoModelForTokenClassification

PIPES = {"en": "en_core_web_trf", "de": "de_core_news_lg"}


def build(lang: str = "en"):
    nlp = spacy.load(PIPES[lang], exclude=["ner"])
    nlp.add_pipe("span_marker", config={"model": "tomaarsen/span-marker-mbert-base-multinerd"})
    nlp.add_pipe("sentencizer")
    return nlp


def other_frameworks():
    tf = TFAutoModelForTokenClassification.from_pretrained("dbmdz/bert-large-cased-finetuned-conll03-english", revision="4c53496", from_pt=True)
    flax = FlaxAutoModel.from_pretrained("google/electra-base-discriminator")
    learner = from_pretrained_fastai("fastai/cat-recognizer")
    ocr = from_pretrained_keras("keras-io/ocr-for-captcha")
    hub_utils.download(repo_id="scikit-learn/tabular-playground", dst="models/tabular")
    onnx = hf_hub_download(repo_id="optimum/distilbert-base-uncased-mnli", filename="model.onnx", subfolder=None)
    csv = hf_hub_download(repo_id="scikit-learn/iris", filename="Iris.csv", repo_type="dataset")
    return tf, flax, learner, ocr, onnx, csv


def adapters():
    model = AutoAdapterModel.from_pretrained("FacebookAI/roberta-base")
    model.load_adapter("AdapterHub/roberta-base-pf-conll2003", source="hf", set_active=True)
    return model
