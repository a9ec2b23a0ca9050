"""Programs that take the name of a model as a word without a flag, or behind a flag of one letter: a table."""

from __future__ import annotations

from typing import NamedTuple


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Program(NamedTuple):
    """Say where a program takes models.

    `commands` are the subcommands behind which a model follows, each as words; empty if the program has none. `files`
    says that a file of the model follows it. `short` are flags that hold a model. `writes` are subcommands behind
    which the model is one that is written. `own_library`
    says that names without an address are not of the Hub.
    """

    commands: tuple[str, ...] = ()
    positional: bool = True
    files: bool = False
    short: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    own_library: bool = False


_LLAMA = Program(positional=False, short=("-hf", "-hfr", "-hfd", "-hfrd", "-hfv", "-hfrv", "-mu", "-m"))
REPOSITORIES = frozenset({"-hf", "-hfr", "-hfd", "-hfrd", "-hfv", "-hfrv"})
"""Flags of one dash that hold a repository in every command that has them, whatever starts it."""

_DOWNLOADER = Program(("download", "models info", "repo-files", "models card"), files=True, writes=(
    "upload", "upload-large-folder", "repo create", "repo tag create", "tag", "repo delete"))  # fmt: skip

PROGRAMS = {
    "hf": _DOWNLOADER,
    "huggingface-cli": _DOWNLOADER,
    "huggingface_hub.commands.huggingface_cli": _DOWNLOADER,
    "huggingface_hub.cli.hf": _DOWNLOADER,
    "hfd": Program(),
    "hfd.sh": Program(),
    "hfdownloader": Program(short=("-m",)),
    "vllm": Program(("serve", "bench serve", "bench throughput", "bench latency", "chat", "complete")),
    "vllm-openai": Program(),
    "aphrodite": Program(("run", "serve")),
    "sglang": Program(("serve", "generate")),
    "lmdeploy": Program(
        ("serve api_server", "serve gradio", "chat", "lite auto_awq", "lite calibrate", "lite smooth_quant", "convert")
    ),
    "trtllm-serve": Program(("serve", "")),
    "trtllm-bench": Program(positional=False, short=("-m",)),
    "genai-perf": Program(positional=False, short=("-m",)),
    "aiperf": Program(positional=False, short=("-m",)),
    "optimum-cli": Program(positional=False, short=("-m",)),
    "olive": Program(positional=False, short=("-m",)),
    "onnxruntime_genai.models.builder": Program(positional=False, short=("-m",)),
    "eland_import_hub_model": Program(positional=False, short=("--hub-model-id",)),
    "mistralrs-server": Program(positional=False, short=("-m", "-a", "-x")),
    "mistralrs": Program(positional=False, short=("-m", "-a", "-x")),
    "transformers": Program(("chat", "serve", "download", "run")),
    "transformers-cli": Program(("download", "chat", "serve")),
    "text-generation-server": Program(("serve", "download-weights", "quantize", "convert")),
    "litgpt": Program(
        ("download", "finetune", "finetune_lora", "finetune_full", "pretrain", "chat", "generate", "serve", "evaluate")
    ),
    "ilab": Program(("model download",), short=("--repository", "-rp")),
    "tune": Program(("download",)),
    "openllm": Program(("serve", "start", "run")),
    "petals.cli.run_server": Program(),
    "mlc_llm": Program(("chat", "serve", "compile", "package")),
    "ollama": Program(("run", "pull", "show", "create", "cp", "rm"), own_library=True),
    "ramalama": Program(("run", "pull", "serve", "bench", "perplexity"), own_library=True),
    "nexa": Program(("run", "pull", "infer", "serve")),
    "lemonade-server": Program(("run", "pull")),
    "convert_hf_to_gguf.py": Program(),
    "convert-hf-to-gguf.py": Program(),
    "mergekit-extract-lora": Program(),
    "mergekit-tokensurgeon": Program(),
    "docker-model": Program(("pull", "run"), own_library=True),
    **dict.fromkeys(
        (
            *("llama-server", "llama-cli", "llama-bench", "llama-embedding", "llama-mtmd-cli", "llama-simple"),
            *("llama-perplexity", "llama-imatrix", "llama-tts", "llama-llava-cli", "llama-quantize", "llamafile"),
            *("llama-qwen2vl-cli", "llama-gemma3-cli", "llama-speculative", "llama-lookup", "llama.cpp", "llama"),
        ),
        _LLAMA,
    ),
    "llama-run": Program(),
    "node-llama-cpp": Program(("pull", "chat", "complete", "infill", "inspect gguf", "")),
}
"""Programs by the name of their file, or of their module behind `python -m`."""

IMAGES = {
    "vllm-openai": "vllm-openai",
    "llama.cpp": "llama-server",
    "lmdeploy": "lmdeploy",
    "aphrodite-engine": "vllm-openai",
    "ramalama": "ramalama",
}
"""Programs that container images start, by the last part of the image's name."""

SHELLS = frozenset(
    {
        "tmux",
        "screen",
        "bash",
        "sh",
        "zsh",
        "dash",
        "ash",
        "ksh",
        "fish",
        "su",
        "ssh",
        "eval",
        "pwsh",
        "script",
        "watch",
    }
)
INTERPRETERS = {
    **dict.fromkeys(("python", "python3", "python2", "pypy3", "ipython", "py"), "py"),
    **dict.fromkeys(("node", "deno", "bun", "tsx"), "js"),
}
"""Programs that run a program in their arguments or input, and the suffix of files of that language."""


def program_name(word: str) -> str:
    """Return the name of a program without its folder and suffix."""
    return word.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")


PRINTING = _names("echo printf cat grep rg egrep sed awk log info warn error die fail print say logger test [ [[")
"""Programs whose words are text, which no program takes as a model."""

CLIENTS = _names("curl http https xh httpie grpcurl wrk hey oha vegeta ab")
"""Programs that ask a server, which has its own names for its models."""

VERBS = _names(
    "download fetch pull get load preload prefetch serve run start launch convert quantize cache warm warmup deploy"
    " install eval evaluate train finetune tune bench benchmark test export merge"
)
"""What a script does with a model that it gets without a flag: `pull-model.sh org/name`."""

OTHER_HUBS = _names("modelscope kaggle openmind openmind-cli aistudio")
"""Programs that load models from elsewhere than the Hub, under names of the same form."""

KEYWORDS = _names("do then else elif if while until ! { } time exec nohup sudo command builtin")
"""Words in front of the name of a program."""

NOT_MODELS_BEHIND = frozenset(
    {
        *("--served-model-name", "--local-dir", "--cache-dir", "--include", "--exclude", "--token", "--chat-template"),
        *("--dataset", "--dataset-name", "--dataset-path", "--dataset_name", "--download-dir", "--output", "--outfile"),
        *("--output-dir", "-o", "--out", "--alias", "-a", "--commit-message", "--name", "--image", "-v", "--volume"),
        *("--api-key", "--revision", "-w", "--workdir", "--mount", "--network", "--entrypoint", "--lora-out"),
    }
)
"""Flags whose value looks like a model and is not one."""
