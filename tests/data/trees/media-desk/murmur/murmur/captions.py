"""Live captions: ASR, diarisation, translation."""
import argparse
import os

from faster_whisper import WhisperModel
from pyannote.audio import Pipeline
from speechbrain.inference.speaker import EncoderClassifier
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, pipeline

SAMPLE_RATE = 16_000
MT = "Helsinki-NLP/opus-mt-tc-big-en-de"


def parse() -> argparse.Namespace:
    p = argparse.ArgumentParser()
    p.add_argument("--asr-model", default=os.environ.get("ASR_MODEL", "Systran/faster-whisper-base"))
    p.add_argument("--port", type=int, default=7788)
    p.add_argument("--format", default="audio/wav")
    return p.parse_args()


def load(args: argparse.Namespace) -> dict:
    parts = {
        "asr": WhisperModel(args.asr_model, device="cpu", compute_type="int8"),
        "speakers": EncoderClassifier.from_hparams(
            source="speechbrain/spkrec-ecapa-voxceleb",
            savedir="pretrained_models/spkrec",
        ),
        "mt": (AutoTokenizer.from_pretrained(MT), AutoModelForSeq2SeqLM.from_pretrained(MT)),
        "punct": pipeline("token-classification", model="oliverguhr/fullstop-punctuation-multilang-large"),
    }
    if os.environ.get("DIARIZE") == "true":
        parts["diarize"] = Pipeline.from_pretrained("pyannote/speaker-diarization-3.1", use_auth_token=os.environ["HF_TOKEN"])
    return parts


def voice(text: str, out: str = "out/answer.wav") -> None:
    from TTS.api import TTS

    TTS("tts_models/multilingual/multi-dataset/xtts_v2").tts_to_file(text=text, file_path=out, language="en")


if __name__ == "__main__":
    load(parse())
