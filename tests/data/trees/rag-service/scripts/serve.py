import os
import subprocess
import sys

MODEL = "Qwen/Qwen2.5-7B-Instruct-AWQ"
REVISION = "b25037543e9394b818fdfca67ab2a00ecc7dd641"

command = [
    "vllm", "serve", "--uvicorn-log-level=info",
    MODEL,
    "--revision", REVISION,
    "--port", "8000",
]
if os.environ.get("DRAFT"):
    command += ["--speculative-model", "Qwen/Qwen2.5-0.5B-Instruct"]
subprocess.Popen(" ".join(command), shell=True)
subprocess.run([sys.executable, "-m", "sglang.launch_server", "--model-path", "meta-llama/Llama-3.2-1B-Instruct"], check=True)
os.system("huggingface-cli download sentence-transformers/LaBSE --revision v1.0")
subprocess.run(f"hf download {MODEL} config.json", shell=True)
URL = "https://huggingface.co/ggml-org/models/resolve/main/tinyllamas/stories15M-q4_0.gguf"
