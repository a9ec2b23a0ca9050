import httpx
from huggingface_hub import AsyncInferenceClient, InferenceClient
from openai import OpenAI
import litellm

client = InferenceClient("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", provider="together")
router = OpenAI(base_url="https://openrouter.ai/api/v1")


def ask(question):
    return client.chat_completion([{"role": "user", "content": question}], max_tokens=200)


def ask_router(question):
    return router.chat.completions.create(model="mistralai/mistral-small-3.1", messages=[{"role": "user", "content": question}])


def ask_lite(question):
    return litellm.completion(model="openai/gpt-4o-mini", messages=[{"role": "user", "content": question}])


async def classify(text):
    return await AsyncInferenceClient().text_classification(text, model="ProsusAI/finbert")


def by_address(text):
    url = "https://api-inference.huggingface.co/models/facebook/bart-large-mnli"
    return httpx.post(url, json={"inputs": text}).json()
