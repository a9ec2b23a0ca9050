import gradio as gr
import spaces
import torch
from diffusers import AutoPipelineForText2Image
from transformers import AutoModelForImageTextToText, AutoProcessor

if torch.cuda.is_available():
    model_repo_id = "stabilityai/sdxl-turbo"
else:
    model_repo_id = "stabilityai/sd-turbo"

pipe = AutoPipelineForText2Image.from_pretrained(model_repo_id, torch_dtype=torch.float16)

VLMS = {
    "SmolVLM": {"id": "HuggingFaceTB/SmolVLM-256M-Instruct", "revision": "7e3e67edbbed1bf9888184d9df282b700a323964"},
    "Qwen": {"id": "Qwen/Qwen2-VL-2B-Instruct", "revision": None},
}


@spaces.GPU
def describe(image, name):
    entry = VLMS[name]
    processor = AutoProcessor.from_pretrained(entry["id"], revision=entry["revision"])
    model = AutoModelForImageTextToText.from_pretrained(entry["id"], revision=entry["revision"])
    return processor, model


gr.Interface(describe, [gr.Image(), gr.Radio(list(VLMS))], "text").launch()
