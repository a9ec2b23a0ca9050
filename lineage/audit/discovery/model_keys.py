"""Keys: whether the name of a key, flag or variable says that its value is a model, and what else it asks of one.

One set of rules reads `--model-id`, `MODEL_ID=`, `modelId:` and `model_id =` alike: the words of the name count, not
how they are joined.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from itertools import pairwise

from lineage.audit.discovery.names import Form, Name, read_name
from lineage.hub.legacy_names import legacy_name

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Meaning(Enum):
    """List what a key says about its value."""

    MODEL = "model"
    """It names a model that is used."""
    OUTPUT = "output"
    """It names a model that is written."""
    GENERIC = "generic"
    """It names what the key above it is about: `name`, `id`, `path`."""
    OTHER = "other"
    """It is about something that is not a model."""
    UNKNOWN = "unknown"
    """It says neither."""


_MODEL = _words(
    """
    model models llm llms vlm slm lm checkpoint checkpoints ckpt pretrained backbone embedder embedding embeddings
    embed encoder decoder reranker rerank rerankers tokenizer tokenizers processor lora loras adapter adapters peft
    vae unet controlnet controlnets refiner teacher student draft drafter whisper stt asr tts transcriber
    transcription diarization vad vision llama gguf mmproj hf huggingface hfhub sbert transformer transformers
    transformation classifier generator reward critic judge speculative speculator summarizer translator captioner
    detector segmenter ner biencoder crossencoder weights pretrain modelid basemodel modelname baseline dreambooth
    textual clip vocoder extractor
    """
)
"""Words that make a key the key of a model."""

_OTHER = _words(
    """
    dataset datasets data corpus corpora image images img type types class classes kind arch architecture size sizes
    dim dims dimension dimensions provider providers backend engine license licence token tokens key keys secret
    password port host hostname timeout dtype precision device devices max min num count batch length len temp
    temperature prompt prompts template templates system metric metrics loss optimizer scheduler task tasks language
    lang category description desc title help hint placeholder tooltip comment comments note notes label labels tag
    tags author version versions framework library format parallel parallelism cache cachedir memory card cards
    space spaces served alias aliases display folder dir directory home prefix suffix regex pattern group owner
    organization user username namespace workdir log logs logging file files filename ext extension endpoint status
    mode state region zone bucket volume volumes mount mounts service account stop maintainer homepage revision rev
    commit sha branch checksum digest served registry queue topic table project experiment store route package
    gateway proxy container docker job
    """
)
"""Words that make a key about something else, whatever other words it has."""

_OUTPUT = _words("hub push pushed output outputs out save saved export upload target dest destination publish result")
_GENERIC = _words(
    "name id ids path paths repo repos repository source src uri url ref value values default choices options"
    " identifier slug"
)
_NEVER = _words("dataset datasets served alias aliases data output outputs")
_WEAK = _words("clip vision textual weights baseline transformation draft student")
"""Words of models that are also words of other things: the value has to look like a model."""

_HEADS = _words(
    "model models checkpoint checkpoints llm vlm embedder reranker encoder lora adapter tokenizer processor extractor"
    " transformer classifier generator detector captioner vae unet controlnet"
)
_UPLOADED = frozenset({"hub_model_id", "hub_model_name", "push_to_hub_model_id", "hub_repo_id", "hub_id"})
_EXACT = {
    "hub": Meaning.GENERIC,
    "repo_id": Meaning.MODEL,
    "hf_repo_id": Meaning.MODEL,
    "model_file": Meaning.OTHER,
    "model_dir": Meaning.MODEL,
    "lora_model_dir": Meaning.MODEL,
    "storage_uri": Meaning.MODEL,
    "from_pretrained": Meaning.MODEL,
    "name_or_path": Meaning.MODEL,
    "_name_or_path": Meaning.MODEL,
    "parent_model": Meaning.MODEL,
    "diffusers_version": Meaning.OTHER,
    "transformers_version": Meaning.OTHER,
    "model_data_url": Meaning.MODEL,
    "policy_path": Meaning.MODEL,
    "output_model": Meaning.OUTPUT,
}
HOSTED = re.compile(
    r"openrouter|openai|anthropic|claude|azure|bedrock|gemini|vertex|palm|groq|together(?:_?ai)?|fireworks|deepinfra"
    r"|mistral_?(?:ai|api)?|cohere|perplexity|replicate|anyscale|ollama|lm_?studio|litellm|watsonx|xai|grok|voyage"
    r"|jina_?(?:ai|api)?|novita|siliconflow|dashscope|moonshot|zhipu|deepseek|cloudflare|workers_?ai|nvidia_?nim|cerebras"
    r"|sambanova|hyperbolic|lepton|octoai|aimlapi|github_models|copilot|nim|elevenlabs|deepgram|assemblyai|google(?:_?genai)?"
)
"""Providers that serve models behind an API of their own."""

HOSTED_ADDRESS = re.compile(
    r"https?://(?:[\w.-]+\.)?(?:openrouter\.ai|openai\.com|openai\.azure\.com|anthropic\.com|together\.(?:xyz|ai)|groq\.com"
    r"|fireworks\.ai|deepinfra\.com|mistral\.ai|cohere\.(?:ai|com)|perplexity\.ai|replicate\.com|anyscale\.com|x\.ai"
    r"|nvidia\.com|googleapis\.com|siliconflow\.(?:cn|com)|novita\.ai|deepseek\.com|cloudflare\.com|amazonaws\.com"
    r"|cerebras\.ai|sambanova\.ai|hyperbolic\.xyz|aliyuncs\.com|voyageai\.com|jina\.ai|moonshot\.\w+|bigmodel\.cn"
    r"|models\.inference\.ai\.azure\.com|models\.github\.ai|lepton\.ai|nebius\.(?:ai|com))"
)
"""Addresses of APIs that serve models under names of their own."""


@lru_cache(4096)
def plain_key(key: str) -> str:
    """Return a key in lower case with `_` between its words: `modelId`, `MODEL-ID` and `--model_id` become one."""
    return "_".join(part for part in _BOUNDARY.split(key.strip()) if part).lower()


@lru_cache(4096)
def meaning(key: str) -> Meaning:
    """Return what a key in the form of `plain_key` says about its value."""
    if key in _EXACT:
        return _EXACT[key]
    key = key.replace("hugging_face", "huggingface")
    if key in _UPLOADED:
        return Meaning.OUTPUT
    words = key.split("_")
    about = frozenset(words)
    if about & _OTHER and not (_head(words) in _HEADS and not about & _NEVER):
        return Meaning.OTHER
    if words[-1] == "hub" and not about & (_OUTPUT - {"hub"}):  # SpeechBrain: `whisper_hub`
        return Meaning.MODEL if about & _MODEL else Meaning.GENERIC
    if about & _MODEL:
        return Meaning.OUTPUT if about & _OUTPUT and not about & {"hf", "torch"} else Meaning.MODEL
    if about & _OUTPUT:
        return Meaning.OTHER
    return Meaning.GENERIC if words[-1] in _GENERIC else Meaning.UNKNOWN


def _head(words: list[str]) -> str:
    """Return the last word that says what a key is about: `model` of `image_model_id`."""
    return next((word for word in reversed(words) if word not in _GENERIC), "")


def is_generic(key: str) -> bool:
    """Return whether a key has no word that says anything: `name`, `repo_id`."""
    return all(word in _GENERIC for word in key.split("_"))


@lru_cache(4096)
def is_weak(key: str) -> bool:
    """Return whether only words that have other meanings too make a key the key of a model: `clip`, `weights_path`."""
    about = {word for word in key.split("_") if word in _MODEL}
    return bool(about) and about <= _WEAK


@lru_cache(4096)
def is_hosted_key(key: str) -> bool:
    """Return whether a key in the form of `plain_key` names a provider: `openrouter_model`."""
    words = key.split("_")
    pairs = map("_".join, pairwise(words))
    return any(HOSTED.fullmatch(each) for each in (*words, *pairs))


def role(key: str) -> str:
    """Return the part of a key before its last words about models: `draft` for `draft_model_id`, empty for `model`."""
    words = key.split("_")
    while words and (words[-1] in _GENERIC or words[-1] in _ROLELESS):
        words.pop()
    return "_".join(words)


_ROLELESS = _words("model models or name path pretrained hf huggingface checkpoint ckpt base llm embedding embeddings")


_SPELLINGS = {
    "revision": (
        *("revision", "rev", "commit", "commit_hash", "commit_sha", "commit_id", "sha", "git_sha", "git_ref", "ref"),
        *("pinned_revision", "branch"),
    ),
    "filename": ("filename", "file"),
}


@lru_cache(4096)
def asked_keys(key: str, asked: str) -> tuple[str, ...]:
    """Return the keys that may hold what is asked of the model of a key: its `revision` first by the key's own words.

    `draft_model` has `draft_model_revision` and `draft_revision`; only a model without a role has plain `revision`.
    """
    own = role(key)
    stem = re.sub(r"_(?:id|name|path|name_or_path|uri|repo|repo_id)$", "", key)
    if key in {"model_name_or_path", "pretrained_model_name_or_path", "repo_id"}:
        stem = "model"
    head = re.sub(r"(?:_(?:models?|id|name|path|or|uri|repo))+$", "", key)
    heads = [stem, key, head, own] if own else [stem, key, head, "model", "", "hf"]
    found = [f"{head}_{each}" if head else each for head in heads for each in _SPELLINGS.get(asked, (asked,))]
    return tuple(dict.fromkeys([*found, *(f"{asked}_of_{head}" for head in heads if head)]))


def read_value(text: str, *, bare: bool = True) -> Name | None:
    """Read the value of a key of a model: any name with an owner, and with `bare` one without that is known.

    Any other bare word under such a key is as likely the name of a file, a class or a served alias.
    """
    name = read_name(text)
    if name is None or name.form != Form.BARE:
        return name
    return name if bare and is_known_bare(name.model) else None


_KNOWN_BARE = re.compile(
    r"(?:all-(?:mini|mpnet|distilroberta|roberta)|paraphrase-|multi-qa-|msmarco-|distiluse-|stsb-|nli-|gtr-t5|sentence-t5"
    r"|bert-(?:base|large)|distilbert-|roberta-(?:base|large)|xlm-|albert-|t5-(?:small|base|large|3b|11b)|gpt2|distilgpt2"
    r"|facebook-dpr-|clip-vit-|average_word|quora-|allenai-specter|use-cmlm|labse$|camembert|electra-|bart-|flan-t5-"
    r"|deberta-|opt-\d|bloom)[\w.-]*|labse",
    re.IGNORECASE,
)


def is_known_bare(name: str) -> bool:
    """Return whether a name without an owner is one that libraries load: of before owners, or of a library."""
    return legacy_name(name) is not None or _KNOWN_BARE.fullmatch(name) is not None


Lookup = Callable[[str], str | None]
"""Return the value of a sibling key in the form of `plain_key`, or None."""


def asked_of(key: str, asked: str, lookup: Lookup) -> str | None:
    """Return what the siblings of a model's key ask of it: the value of its revision, file, subfolder or variant."""
    return next((value for name in asked_keys(key, asked) if (value := lookup(name))), None)
