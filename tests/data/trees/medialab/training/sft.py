from trl import SFTConfig, SFTTrainer, DPOTrainer, ModelConfig, TrlParser
from unsloth import FastLanguageModel, FastVisionModel
from datasets import load_dataset

max_seq_length = 2048
model, tokenizer = FastVisionModel.from_pretrained(
    "unsloth/Qwen2-VL-7B-Instruct-bnb-4bit",
    load_in_4bit=True,
)
text_model, text_tokenizer = FastLanguageModel.from_pretrained(
    model_name = "unsloth/Llama-3.2-1B-Instruct", # or choose "unsloth/Llama-3.2-3B-Instruct"
    max_seq_length = max_seq_length,
)
trainer = SFTTrainer(
    model="HuggingFaceTB/SmolVLM-Instruct",
    train_dataset=load_dataset("HuggingFaceM4/ChartQA", split="train"),
    args=SFTConfig(output_dir="out", hub_model_id="acme/smolvlm-products"),
)
text_model.push_to_hub_gguf("acme/llama-products-gguf", text_tokenizer, quantization_method="q4_k_m")
