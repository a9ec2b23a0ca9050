import transformers as hf
from transformers import MarianMTModel, MarianTokenizer, TrOCRProcessor, VisionEncoderDecoderModel

from claims import config
from claims.config import LANG_MODELS, ZERO_SHOT, settings


class Summarizer:
    revision = "v1"

    def __init__(self, model=None):
        self._name = model or config.SUMMARY_MODEL

    @property
    def name(self):
        return self._name

    def build(self):
        return hf.PegasusForConditionalGeneration.from_pretrained(self.name, revision=self.revision)


def zero_shot():
    model, rev = ZERO_SHOT
    return hf.pipeline("zero-shot-classification", model=model, revision=rev)


def translate(lang):
    name = LANG_MODELS[lang]
    return MarianTokenizer.from_pretrained(name), MarianMTModel.from_pretrained(name)


def ocr():
    s = settings.ocr
    processor = TrOCRProcessor.from_pretrained(s.engine, revision=s.revision)
    return processor, VisionEncoderDecoderModel.from_pretrained(s.engine, revision=s.revision)


def layout():
    cfg = config.load_settings()
    return hf.AutoModel.from_pretrained(cfg.layout, revision="07c9b08")


MODEL_CLASSES = {"bert": (hf.BertModel, "nlpaueb/legal-bert-small-uncased"), "t5": (hf.T5Model, "google-t5/t5-small")}


def by_kind(kind):
    cls, checkpoint = MODEL_CLASSES[kind]
    return cls.from_pretrained(checkpoint)
