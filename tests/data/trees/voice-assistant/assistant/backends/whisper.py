from faster_whisper import WhisperModel
from transformers import pipeline

from assistant.backends.base import Backend
from assistant.settings import HF


class Distil(Backend):
    model_id = "distil-whisper/distil-small.en"

    def run(self, audio):
        return self.processor(audio)


class Turbo(Backend):
    model_id = "openai/whisper-large-v3-turbo"
    revision = "41f01f3fe87f28c78e2fbf8b568835947dd65ed9"

    def run(self, audio):
        return self.model(audio)


def fast():
    return WhisperModel(HF["stt"]["repo"], device=HF["stt"]["device"])


def tiny():
    return WhisperModel("tiny.en")


def emotion():
    try:
        return pipeline("audio-classification", model="superb/wav2vec2-base-superb-er")
    except OSError:
        return pipeline("audio-classification", "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition")
