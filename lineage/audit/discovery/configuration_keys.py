"""Keys of configurations that say how their value is read, and how sure it is that it is a model: tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lineage.audit.discovery.names import Form, Name
from lineage.audit.discovery.programs import PROGRAMS, program_name

if TYPE_CHECKING:
    from lineage_schemas.product import Grade


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARGUMENTS = _words(
    "args arguments command cmd entrypoint extra_args vllm_args engine_args serve_args server_args argv runcmd bootcmd"
)
"""Keys of the words of one command."""

SCRIPTS = ARGUMENTS | _words(
    """
    run script scripts commands cmds before_script after_script shell bash sh exec execute setup steps start
    start_command build_command install post_create_command post_start_command on_create_command
    update_content_command post_attach_command exec_start user_data startup_script init_script launch launcher
    tasks late_commands early_commands
    invocation cmdline command_line pre_start post_start on_start inline default_command serve_command test_command
    """
)
"""Keys of text that a shell runs."""

ENVIRONMENTS = _words("environment env envs variables literals args build_args build_arg environment_variables")
"""Keys of lists of `NAME=value`."""

PROSE = _words(
    """
    description desc help summary title message notes note comment readme content prompt system_prompt doc docs
    documentation about abstract system user assistant instruction question answer text
    """
)
"""Keys of text that a person or a model reads."""

FLAGS = re.compile(
    r"(?:^|\s)--?(?:hf[a-z]*|(?:[\w-]*[-_])?(?:model|tokenizer|lora|embedding|speculative|pretrained)[\w-]*)(?:=|\s+)\S"
)
"""A flag of a model in a text that holds words of a command, such as the value of `VLLM_ARGS`."""

PAIRS = re.compile(r"[A-Za-z_][\w.]*=[^\s,=]+(?:,[A-Za-z_][\w.]*=[^\s,=]*)*")
"""The arguments of a model in one text: `pretrained=org/name,revision=v1`, as lm-eval takes them."""

SETTINGS = re.compile(r"\s*[A-Za-z_]\w*=[^\n]*(?:\n\s*[A-Za-z_]\w*=[^\n]*)*\s*")
"""Lines of `NAME=value`."""

FILE_KEY = re.compile(r"[\w.-]+\.(?:sh|bash|py|ya?ml|json|toml|env|ini|conf|cfg|properties|service)")
"""A key that is the name of a file, as in a ConfigMap."""

DATASETS = re.compile(r"(?:^|_)(?:data|datasets?|corpus|corpora|spaces?|metrics?|prompts?|evaluate)(?:_|$)")
"""A key above a value that says that it is a dataset or something else that is not a model."""

_NOT_LOADED = (
    r"datasets?|corpus|corpora|images?|spaces?|metrics?|prompts?|licen[cs]es?|outputs?|requires?|dependencies"
    r"|packages?|plugins?|actions?|git|github|gitlab|registry|docker|topics?|repositor(?:y|ies)|results?|leaderboard|messages?"
    r"|wandb|mlflow|served|alias|aliases"
)

ELSE_ABOVE = re.compile(rf"(?:^|_)(?:{_NOT_LOADED})(?:_|$)")
"""Keys above values that look like a model and are none, or one that is not used."""

ELSE = re.compile(
    rf"(?:^|_)(?:{_NOT_LOADED}|data|tokens?|authors?|users?|owner|uses|extends|branch|branches|tags?|container|display|title"
    r"|train|test|validation|eval|teams?|groups?|reviewers|secrets?|channels?|queues?|buckets?|s3|database|table"
    r"|extensions?|projects?|experiment|entity|workspace|jobs?|homepage|changelog|keywords?|examples?|run|exp|trial|study|session|context|dockerfile|nav|slug|repo_(?:name|url)|code_repository|push|pushed|upload|export|publish)(?:_|$)"
)
"""The same for the key of a value itself."""

MEASURED = re.compile(
    r"(?:^|_)(?:score|accuracy|acc|f1|bleu|rouge\w*|elo|rank|mmlu|perplexity|ppl|latency|throughput|price|cost|downloads"
    r"|likes|wer|cer|ndcg|mrr|recall|precision|win_rate|pass_at_\d+)(?:_|$)"
)
"""Keys of what was measured, or what it costs."""

RESULTS = re.compile(r"(?i)result|leaderboard|score|pricing|metrics")
"""Names of files and folders that hold what was measured."""

LOADED_BY = _words(
    "provider source library library_name framework loader backend engine hub from registry type runtime kind origin"
    " model_type llm_provider"
)
"""Keys that name the library or place that a model is loaded by or from."""

LIBRARIES = _words(
    """
    huggingface hf hugging_face hf_hub huggingface_hub hfhub transformers sentence_transformers sentence_transformer
    vllm tgi tei diffusers peft text_generation_inference text_embeddings_inference sglang optimum setfit fastembed
    flag_embedding flagembedding huggingface_local huggingface_embeddings hugging_face_hub local_huggingface hf_local
    ctranslate2 faster_whisper exllamav2 auto_gptq auto_awq unsloth flair span_marker gliner open_clip timm
    """
)
"""Values of these keys that say that the name beside them is one of the Hub's."""

ASKED = _words(
    """
    torch_dtype trust_remote_code device_map load_in_4bit load_in_8bit attn_implementation max_model_len
    max_model_length gpu_memory_utilization tensor_parallel_size enforce_eager max_new_tokens model_kwargs
    low_cpu_mem_usage pooling_mode normalize_embeddings max_seq_length quantization_config adapter_kwargs
    """
)
"""Keys of what only a model is loaded or run with."""

WRITTEN = _words("output outputs push push_to_hub upload export publish save hub_push")
"""Keys above a model that is written."""

CLONED = _words("url repo repo_url repository git git_url clone_url uri source src remote")
"""Keys of the address of a repository that git clones."""

CHECKED_OUT = ("rev_lock", "rev", "revision", "target_revision", "commit", "ref", "tag", "branch")
"""Keys of the commit, tag or branch of a repository that git clones, as in DVC, Argo CD and Flux."""

LITELLM = re.compile(r"(?:huggingface|hosted_vllm)/[^/]+/[^/]+")
"""Names that LiteLLM gives to models of the Hub; whatever else it calls a model is what an API calls it."""

SOURCES = _words(
    "model model_id model_path model_name_or_path repo_id hf_repo hf_model_id hf_repo_id model_uri hf_model"
)
"""Keys that hold a model where `name` or `id` beside them is what clients call it."""

READS_DATA = re.compile(
    r"(?i)^(?:dataset|datasets|space|spaces)$|load_?data|^(?!.*(?:model|pipeline)).*data_?(?:loader|set|source|reader)"
)
"""Values that say that a repository beside them is not a model."""

LOADERS = re.compile(
    r"(?:from_pretrained|SentenceTransformer|CrossEncoder|hf_hub_download|snapshot_download|pipeline|HuggingFaceEmbeddings"
    r"|HuggingFacePipeline|HuggingFaceEmbedding|HuggingFaceLLM|HuggingFaceBgeEmbeddings|from_hparams|create_model|LLM"
    r"|FlagModel|BGEM3FlagModel|PeftModel|AutoModel\w*|AutoTokenizer|HFLM)$"
)
"""Functions that load a model, as Hydra names them in `_target_`."""

REPOSITORY_KEYS = _words(
    """
    base_model_name_or_path pretrained_model_name_or_path model_name_or_path repo_id hf_repo hf_repo_id hf_model_id
    storage_uri adapter_name_or_path hf_model hf_model_name hf_model_repo_id huggingface_repo_id huggingface_model
    huggingface_model_id speculative_model
    """
)
"""Keys that mean a model of the Hub in every file that has them."""


def holds_models(key: str) -> bool:
    """Return whether the keys of a mapping, or the items of a list, under this key may be names of models."""
    return key in {"models", "llms", "embedders", "rerankers", "adapters", "loras", "checkpoints", "tokenizers"} or (
        key.endswith(("_models", "_model_ids", "_model_names", "_checkpoints", "_adapters", "_loras"))
    )


def is_script(key: str) -> bool:
    """Return whether a key holds the text of a script, or several of them by name."""
    return key in SCRIPTS or key.endswith(("_command", "_cmd", "_script", "_args", "_shell", "_raw"))


def is_command(text: str) -> bool:
    """Return whether a text begins with a program that loads models and whose name is not a common word."""
    first = program_name(text.split(maxsplit=1)[0]) if text.strip() else ""
    return first in PROGRAMS and ("-" in first or first in {"hf", "vllm", "sglang", "lmdeploy"})


def grade(key: str, name: Name) -> Grade:
    """Return how sure it is that the value of a model's key is one: certain for an address and a key of the Hub's."""
    if name.form == Form.PAGE:
        return "likely"
    return "certain" if name.form in (Form.ADDRESS, Form.CLONE) or key in REPOSITORY_KEYS else "likely"
