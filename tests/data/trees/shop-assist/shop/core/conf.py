from os import environ, getenv
import os.path
from decouple import config
from dynaconf import Dynaconf
from environs import Env
from pydantic import BaseModel, Field

env = Env()
env.read_env()

TEXT_MODEL = environ.get("TEXT_MODEL", default="intfloat/multilingual-e5-base")
NER_MODEL = config("NER_MODEL", default="Babelscape/wikineural-multilingual-ner")
QA_MODEL = env.str("QA_MODEL", "deepset/minilm-uncased-squad2")
QA_REV = env.str("QA_REV", "e12a7a5")
IMAGE_MODEL = getenv("IMAGE_MODEL") if getenv("IMAGE_MODEL") else "google/vit-base-patch16-224"
BASE = "shop-ai"
TITLE_MODEL = BASE + "/" + "title-generator"
PRICE_MODEL = f"{BASE}/price-{'v2'}"
SEARCH_MODEL = "%s/search-encoder" % BASE
LEGACY = "bert-base-multilingual-cased"


class ChatConfig(BaseModel):
    provider: str = "vllm"
    model_path: str = Field("microsoft/Phi-3.5-mini-instruct", description="HF id")
    commit: str = Field(default="3145e03a9fd4cdd7cd953c34d9bbf7ad606122ca")
    adapters: dict[str, str] = {"support": "shop-ai/phi35-support-lora"}


class AppConfig(BaseModel):
    chat: ChatConfig = ChatConfig()
    guard: str = "meta-llama/Prompt-Guard-86M"


app_config = AppConfig()
