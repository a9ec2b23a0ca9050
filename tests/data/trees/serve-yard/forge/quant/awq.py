from awq import AutoAWQForCausalLM
from auto_gptq import AutoGPTQForCausalLM
from llmcompressor import oneshot
from transformers import AutoTokenizer, GPTQConfig, AutoModelForCausalLM

model_path = 'lmsys/vicuna-7b-v1.5'
quant_path = 'models_quantized/vicuna-7b-awq'
quant_config = {"zero_point": True, "q_group_size": 128, "w_bit": 4, "version": "GEMM"}

# Load model
model = AutoAWQForCausalLM.from_pretrained(model_path, **{"low_cpu_mem_usage": True, "use_cache": False})
tokenizer = AutoTokenizer.from_pretrained(model_path, trust_remote_code=True)

# Quantize and save
model.quantize(tokenizer, quant_config=quant_config)
model.save_quantized(quant_path)
tokenizer.save_pretrained(quant_path)
print(f'Model is quantized and saved at "{quant_path}"')


def compare():
    fast = AutoAWQForCausalLM.from_quantized("TheBloke/vicuna-7B-v1.5-AWQ", fuse_layers=True)
    gptq = AutoGPTQForCausalLM.from_quantized(
        "TheBloke/vicuna-7B-v1.5-GPTQ",
        revision="gptq-4bit-32g-actorder_True",
        use_safetensors=True,
    )
    # exl2 = "turboderp/Llama-3-8B-exl2"
    return fast, gptq


def gptq(model_id: str = "facebook/opt-1.3b"):
    cfg = GPTQConfig(bits=4, dataset="c4", tokenizer=AutoTokenizer.from_pretrained(model_id))
    return AutoModelForCausalLM.from_pretrained(model_id, quantization_config=cfg)


def int8():
    oneshot(
        model="HuggingFaceTB/SmolLM2-1.7B-Instruct",
        dataset="open_platypus",
        recipe="recipes/w8a8.yaml",
        output_dir="out/smollm2-w8a8",
    )
