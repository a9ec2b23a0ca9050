import os
from dataclasses import dataclass


@dataclass
class OcrSettings:
    engine: str = "microsoft/trocr-base-printed"
    revision: str = "main"


@dataclass
class Settings:
    ocr: OcrSettings
    layout: str
    endpoint: str = "https://api.openai.com/v1"


def load_settings() -> Settings:
    return Settings(
        ocr=OcrSettings(engine=os.environ.get("OCR_MODEL", "microsoft/trocr-small-printed")),
        layout=os.environ.get("LAYOUT_MODEL", "microsoft/layoutlmv3-base"),
    )


settings = load_settings()
