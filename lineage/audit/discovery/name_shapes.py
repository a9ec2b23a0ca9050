"""Shapes of names: whether the parts of an id alone say that it is a model's, as in `acme/tickets-bert-base`.

A key such as `brain` says nothing of its value, and `acme/website` may be anything. `acme/tickets-7b-instruct` is a
model wherever it is written. The tables are of families, sizes and forms, not of ids, so that a name that is not known
is read by what it is made of.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SIZE = re.compile(r"(?<![a-z\d])(?:\d{1,2}x|a|e)?\d{1,3}(?:[._]\d{1,2})?[bm](?![a-z\d])")
"""Parameters: `7b`, `0.5b`, `8x7b`, `418m`, `30b-a3b`."""

_FILE_FORM = re.compile(r"(?<![a-z\d])(?:gguf|ggml|gptq|awq|exl[23]|lora|qlora|[48]bit|bnb)(?![a-z])")
"""Forms that only weights have."""

_FORM = re.compile(
    r"(?<![a-z\d])(?:gguf|ggml|gptq|awq|exl[23]|bnb|mlx|mlc|ct2|onnx|openvino|w[48]a(?:8|16)|[qi]{1,2}\d_\w+|(?:int|fp)[48]"
    r"|[348]bit|bf16|fp16|instruct|chat|lora|qlora|dpo|uncased|cased|finetuned|distilled|quantized|pretrained"
    r"|patch\d+|lvd\d+m|reranker|rerank|embed|embedding|embeddings|tokenizer|adapter|vae|safetensors)(?![a-z])"
)
"""What was made of a model, or for what: `gguf`, `4bit`, `instruct`, `uncased`."""

_FAMILY = re.compile(
    r"bert(?![a-z]{2})|roberta|deberta|electra|llama|vicuna|alpaca|mi[sx]tral|ministral|qwen|gemma|(?<![a-z])phi-?[1-9]"
    r"|falcon|bloom|(?<![a-z])(?:opt|yi|glm|e5|gte|bge|vit|sam\d?|mpt|stt|tts|asr|ner|dpr|rwkv|mms|aya|olmo\d?)[-_]"
    r"|gpt-?(?:2|j|neo|oss)|(?<![a-z])(?:mt|flan-|code|by|long-?|u)?t5|bart(?![a-z])|pegasus|marian|opus-mt|nllb|m2m|whisper"
    r"|wav2vec|hubert|wavlm|minilm|mpnet|distilgpt|clip|siglip|(?<![a-z])de?it-|dino|(?<![a-z])detr|yolo|swin|blip|llava"
    r"|idefics|florence|layoutlm|donut|trocr|xlm|xlnet|stable-?diffusion|sdxl|(?<![a-z])sd-?(?:v?\d|turbo)|flux"
    r"|controlnet|musicgen|(?<![a-z])bark|speecht5|parler|kokoro|splade|colbert|colpali|contriever|gliner|smol|granite"
    r"|starcoder|codegen|deepseek|zephyr|hermes|wizard(?:lm|coder|math)|nomic|mxbai|jina-|arctic|parakeet|canary|pythia"
    r"|internlm|baichuan|minicpm|moondream|chronos|moirai|timesfm|(?<![a-z])esm\d|segformer|mask2former|resnet|convnext"
    r"|efficientnet|mobilenet|depth-anything|midas|instructor-|sgpt|labse|use-|codellama|dolly|solar|orca|tinystories"
)
"""Architectures and families that many models are named after."""

_VARIANT = re.compile(
    r"(?<![a-z\d])(?:x?small|base|x{0,2}large|medium|tiny|mini|micro|nano|huge|giant|xl|xxl|turbo|hf|v\d+(?:[._]\d+)*|it|en"
    r"|multilingual|coder|code|vision|vl|\d+[._]\d+|\d{1,4}|[lmhb]-?\d+|german|french|spanish|chinese|english)"
    r"(?![a-z\d])"
)
"""A size by its name, a version or a language: no more than a hint."""

_TASK = re.compile(
    r"sentiment|classif|summar|translat|caption|detect|segment|diariz|emotion|zero-?shot|nli|squad|ms-?marco|similarity"
    r"|retriev|cross-?encoder|bi-?encoder|encoder|guard|detox|toxic|paraphras|sentence|transformer|diffusion|speech|lm(?![a-z])"
)
"""What a model does: a hint, too."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PUBLISHERS = _words(
    """
    01-ai alibaba-nlp allenai answerdotai baai bartowski bigcode bigscience black-forest-labs bytedance cardiffnlp
    coherelabs cohereforai compvis cross-encoder deepseek-ai deepset distil-whisper distilbert dslim eleutherai facebook
    facebookai ggml-org google google-bert google-t5 helsinki-nlp hexgrad hkunlp huggingfaceh4 huggingfacem4
    huggingfacetb ibm-granite impira intel intfloat internlm jinaai laion latent-consistency llava-hf lmsys
    lmstudio-community mattshumer meta-llama microsoft mistralai mixedbread-ai mlx-community mosaicml mradermacher
    nomic-ai nousresearch nvidia onnx-community openai openai-community openbmb opengvlab prosusai pyannote qwen
    redhatai runwayml salesforce sentence-transformers snowflake speechbrain sshleifer stabilityai suno systran thebloke
    thenlper tiiuae timm togethercomputer unsloth upstage valhalla vikhyatk xenova zai-org
    """
)
"""Owners with many models that others use. They have datasets and code too, so that an owner is a hint, not more."""

_SOMETHING_ELSE = re.compile(
    r"data(?![a-z])|dataset|corpus|(?<![a-z])(?:bench|benchmark|prompts?|prefs|preferences|pairs|instructions|captions|wiki"
    r"|docs?|website|web|app|api|client|server|sdk|ui|cli|action|plugin|example|demo|tutorial|recipes|cookbook|examples"
    r"|operator|chart|service|svc|helm|docker|backend|frontend|py|js|rs|cpp|lib|toolkit|org|github|repo|repository)(?![a-z])"
    r"|(?<!\d)(?!(?:2|4|8|16|32|64|128|256)k)\d+k(?![a-z])"
)
"""Words of datasets, repositories of code and container images."""


_BRANCHES = _words("bugfix chore feat feature fix heads hotfix origin refs release renovate tags team teams")
"""Owners of what is a branch, a tag or a team."""


@lru_cache(4096)
def is_telling(model: str) -> bool:
    """Return whether the parts of an id with an owner say, without any key, that it is the id of a model."""
    owner, slash, name = model.lower().partition("/")
    if not slash or "/" in name or owner in _BRANCHES or _SOMETHING_ELSE.search(name):
        return False
    if _SIZE.search(name) or _FILE_FORM.search(name):
        return True
    strong = [each.search(f"{name}-") is not None for each in (_FORM, _FAMILY, _TASK)]
    return any(strong) and sum(strong) + bool(_VARIANT.search(name)) + (owner in _PUBLISHERS) >= 2
