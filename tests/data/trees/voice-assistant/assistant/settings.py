import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

HF = {
    "stt": {"repo": "Systran/faster-whisper-small", "device": "cpu"},
    "vad": {"repo": "pyannote/segmentation-3.0", "revision": "660b9e20307a2b0cdb400d0f80aadc04a701fc54"},
}
VERSION = "a1b2c3d"


@dataclass(frozen=True)
class Settings:
    llm: str = os.environ.get("ASSISTANT_LLM") or "TheBloke/Mistral-7B-Instruct-v0.2-GGUF"
    llm_file: str = "mistral-7b-instruct-v0.2.Q4_K_M.gguf"
    intent: str = field(default_factory=lambda: os.getenv("INTENT_MODEL", "MoritzLaurer/deberta-v3-base-zeroshot-v1"))
    wake_word: str = "models/hey_nova.onnx"
    translator: str | None = None
    remote: str = "anthropic/claude-3.5-sonnet"


SETTINGS = Settings()
voices = SimpleNamespace(
    en="facebook/mms-tts-eng",
    de="facebook/mms-tts-deu",
)
