import subprocess

subprocess.run(
    [
        "lm_eval",
        "--model", "hf",
        "--model_args", "pretrained=bigscience/bloom-560m,dtype=float32",
        "--tasks", "lambada_openai",
    ],
    check=True,
)
