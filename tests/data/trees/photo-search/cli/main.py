from pathlib import Path
from typing import Optional

import gradio as gr
import streamlit as st
import typer
from huggingface_hub import snapshot_download
from transformers import pipeline

app = typer.Typer()
CHOICES = {
    "Depth Anything": "depth-anything/Depth-Anything-V2-Small-hf",
    "DPT": "Intel/dpt-hybrid-midas",
}


@app.command()
def depth(
    image: Path,
    model: str = typer.Option("LiheYoung/depth-anything-small-hf", "--model", "-m", help="org/name"),
    revision: Optional[str] = typer.Option(None),
):
    return pipeline("depth-estimation", model=model, revision=revision)(str(image))


@app.command()
def pull(models: list[str] = typer.Argument(default=["facebook/dinov2-base", "facebook/dinov2-small"])):
    for model in models:
        snapshot_download(model, max_workers=2)


def sidebar():
    chosen = st.sidebar.selectbox("Model", list(CHOICES))
    return load(CHOICES[chosen])


@st.cache_resource
def load(name: str):
    return pipeline(task="depth-estimation", model=name)


def demo():
    dropdown = gr.Dropdown(choices=["nvidia/segformer-b0-finetuned-ade-512-512"], value="nvidia/segformer-b0-finetuned-ade-512-512")
    return gr.Interface(fn=lambda image, name: pipeline("image-segmentation", model=name)(image), inputs=["image", dropdown], outputs="json")
