import bentoml
import dspy
import guidance
import outlines
from guidance import models
from litellm import completion
from pydantic import BaseModel

SCHEMA_MIME = "application/schema+json"
CLOUD = "anthropic/claude-3-5-sonnet-20241022"
FALLBACKS = ["gemini/gemini-1.5-pro", "bedrock/meta.llama3-8b-instruct-v1:0", "azure/gpt-4o"]


class Ticket(BaseModel):
    kind: str
    team: str = "support/tier1"


def outlines_json(text: str):
    model = outlines.models.transformers("microsoft/Phi-3-mini-128k-instruct", device="cuda")
    return outlines.generate.json(model, Ticket)(text)


def outlines_gguf():
    return outlines.models.llamacpp("microsoft/Phi-3-mini-4k-instruct-gguf", "Phi-3-mini-4k-instruct-q4.gguf")


def guided():
    lm = models.Transformers("openai-community/gpt2-medium")
    return lm + "The ticket is " + guidance.select(["open/new", "closed"], name="state")


def dspy_setup(where: str):
    if where == "local":
        lm = dspy.HFModel(model="google/flan-t5-large")
    elif where == "vllm":
        lm = dspy.HFClientVLLM(model="mistralai/Mistral-7B-Instruct-v0.2", port=8000, url="http://localhost")
    elif where == "ollama":
        lm = dspy.LM("ollama_chat/llama3.2", api_base="http://localhost:11434")
    else:
        lm = dspy.LM("openai/gpt-4o-mini", cache=False)
    dspy.configure(lm=lm)


def cloud(messages):
    return completion(model=CLOUD, messages=messages, fallbacks=FALLBACKS, metadata={"tags": ["prod/eu"]})


@bentoml.service(resources={"gpu": 1}, traffic={"timeout": 300})
class Summaries:
    model_path = bentoml.models.HuggingFaceModel("sshleifer/distilbart-cnn-6-6")

    def __init__(self) -> None:
        from transformers import pipeline

        self.pipeline = pipeline("summarization", model=self.model_path)
