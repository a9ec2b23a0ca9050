import streamlit as st
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer, pipeline

st.set_page_config(page_title="DocQA", layout="wide")

MODEL_OPTIONS = {
    "Flan-T5 base": "google/flan-t5-base",
    "LED (long)": "allenai/led-base-16384",
    "Pegasus": "google/pegasus-xsum",
}


@st.cache_resource(show_spinner="Loading…")
def load_model(name: str):
    return AutoTokenizer.from_pretrained(name), AutoModelForSeq2SeqLM.from_pretrained(name)


@st.cache_resource
def load_qa():
    return pipeline("question-answering", "deepset/tinyroberta-squad2")


choice = st.sidebar.selectbox("Model", list(MODEL_OPTIONS.keys()))
tokenizer, model = load_model(MODEL_OPTIONS[choice])
up = st.file_uploader("File", type=["pdf", "text/plain"])
st.markdown("Compare with facebook/bart-large-cnn")
