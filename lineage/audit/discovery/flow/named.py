"""Decide by its label whether a string names a model that the program uses, where no known call loads it.

`EMBED_MODEL = "org/x"`, `Encoder(backbone="org/x")` and `{"reranker": {"model": "org/x"}}` say it in every library.
What stands beside the string says more: a provider that serves models by its own names, a dataset, an output.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache

from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.labels import Context
from lineage.audit.discovery.flow.spots import called_name
from lineage.audit.discovery.hosted import is_hosted
from lineage.audit.discovery.model_keys import Meaning, asked_of, is_hosted_key, is_known_bare, meaning, plain_key
from lineage.audit.discovery.names import Form, Name, read_name

_HOSTED_CALL = re.compile(
    r"openai|litellm|openrouter|anthropic|together|groq|fireworks|deepinfra|replicate|azure|bedrock|gemini|vertex|ollama"
    r"|lmstudio|cohere|nvidianim|nim$|perplexity|novita|siliconflow|dashscope|moonshot|watsonx|voyage|sambanova"
    r"|cerebras|googlegenerative|googlegenai|mistralai|databricks|snowflake|invokemodel|converse|aigateway|aisuite|portkey"
)
_OWN_CALL = re.compile(r"huggingface|^hf|hf$|transformers|vllm|sentence|onnx|mlx|local|peft|llamacpp|gguf|tgi")
_ASIDE_CALL = re.compile(
    r"dataset|space|card|push|upload|export|save|publish|create_repo|delete|print|warn|error|debug|exception"
    r"|skip|raises|compile|template|prompt|endswith|startswith|split|replace|join|match|search|sub$|log$|info$"
    r"|set_attribute|set_tag|^log_|register|annotate|docker|image$|container"
    r"|route|redirect|mount|url|path$|request|get$|post$|put$|fetch|stringify|dumps|version"
)
"""Words in the name of a call whose texts are not what it loads."""

ROUTED = "huggingface/"
"""What LiteLLM and its like put in front of a model that the Hub runs."""

_NOT_A_LABEL = {"repo_id", "repo", "repository", "name_or_path", "from_pretrained", "parent_model", "storage_uri"}
"""Keys that name models in configurations; in programs they name datasets and repositories of code as well."""

_MADE = frozenset({"new", "merged", "finetuned", "tuned", "trained"})
"""Words of labels of models that the program makes."""

_SLUG = re.compile(
    r"meta-llama/(?:meta-)?llama|mistralai/m\w*tral-|qwen/|nousresearch/|microsoft/(?:phi-[34]|wizardlm)|nvidia/(?:llama|nemo)"
    r"|thudm/|01-ai/|moonshotai/|minimax/|z-ai/|deepseek/|x-ai/|perplexity/|inflection/|cognitivecomputations/"
)
"""Names as routers of hosted models write them: all in lower case, where the Hub's have capitals."""

_ELSEWHERE = re.compile(r"modelscope|nlp_?cloud|octo_?ai|everly|anyscale|aviary|kaggle|open_?mind")
"""Other places that models are loaded from, under names of the same form."""

_OWN_SERVER = re.compile(r"https?://(?!(?:[\w-]+\.)+(?:com|ai|io|net|org|dev|cloud|xyz|cn)\b)")
"""The start of an address of a server of one's own, such as that of vLLM: it has the names that the Hub has."""

_ADDRESSES = ("base_url", "api_base", "openai_api_base", "endpoint_url", "endpoint")

_OWN_PROVIDERS = frozenset({"huggingface", "hf-inference", "vllm", "local"})
"""Providers that run models of the Hub under their own names."""

_HUB = {"hf", "huggingface", "hub"}
"""Words in the name of a call that say where it asks, not what it loads."""

_GENERAL = frozenset({"id", "name", "path", "repo", "source", "uri", "identifier", "slug"})
"""Labels that name what the call or class around them is about."""

_ASKING = frozenset(
    {
        "get",
        "set",
        "add",
        "encode",
        "decode",
        "predict",
        "generate",
        "classify",
        "invoke",
        "embed",
        "query",
        "ask",
        "run",
    }
)
"""First words of methods that give a model its input; `models.llamacpp("org/x")` makes one."""

_MAKING = {"build", "load", "create", "make", "init", "get", "from", "prepare", "setup"}

_DOMAIN = re.compile(r"\.(?:com|org|net|io|ai|dev|co|cn|eu|de)$")
"""The end of an owner that is the name of a server."""

_TELLING = re.compile(r"(?=.*[A-Za-z])(?!v?[\d.]+$).*[A-Z0-9._-]")


def says_model(context: Context) -> bool:
    """Tell whether the label of a string, or for a general label the names around it, say that it is a model."""
    for key in reversed(context.path):
        found = _meaning(key)
        if key in _NOT_A_LABEL:
            return key == "repo_id" and context.call is not None and _loads_repository(context.call)
        if found in {Meaning.OTHER, Meaning.OUTPUT} or not _MADE.isdisjoint(key.split("_")):
            return False
        if found is Meaning.MODEL:
            return True
    general = not context.keyword or (bool(context.path) and context.path[-1] in _GENERAL)
    return context.call is not None and general and says_model_call(context.call)


def _meaning(key: str) -> Meaning:
    """Return what a key says; `encoders` says what `encoder` says."""
    found = meaning(key)
    return meaning("_".join(each.removesuffix("s") for each in key.split("_"))) if found is Meaning.UNKNOWN else found


def of_class(context: Context, owner: str) -> Context:
    """Return the context of a string with the class around, if its own label is as general as `name`."""
    if not owner or context.call is not None or len(context.path) != 1 or context.path[0] not in _GENERAL:
        return context
    return context._replace(path=(plain_key(owner), *context.path))


def says_model_call(call: ast.Call) -> bool:
    """Tell whether the name of a call says that its first text is a model: `load_model`, `TextEncoder`."""
    name = plain_key(called_name(call))
    if called_name(call) in sinks.SINKS or _ASIDE_CALL.search(name):
        return False
    words = name.split("_")
    if words[-1] in {"arguments", "args", "trainer"}:
        return False
    if meaning(plain_key(_receiver(call.func).partition(" ")[0])) is Meaning.MODEL and words[0] not in _ASKING:
        return True
    made_of_hub = words[0] in _MAKING and words[-1] in _HUB
    return made_of_hub or meaning("_".join(each for each in words if each not in _HUB)) is Meaning.MODEL


def _loads_repository(call: ast.Call) -> bool:
    """Tell whether a call with a `repo_id` loads a model: a class does, such as `KPipeline`, if it is not for data."""
    name = called_name(call)
    kinds = {each.arg for each in call.keywords} & {"repo_type", "repoType"}
    words = set(plain_key(name).split("_"))
    loads = name[:1].isupper() or words & {"download", "load", "pull", "from"}
    return bool(loads) and not kinds and not words & {"data", "repo", "commit", "api", "file", "hub"}


def is_aside(call: ast.Call | None) -> bool:
    """Tell whether a call is not one that loads what it gets: it prints, writes, asks a service or makes a page."""
    if call is None:
        return False
    name = plain_key(called_name(call))
    if name == "load" and _receiver(call.func).startswith("hub"):  # torch.hub and tensorflow_hub
        return True
    return bool(_ASIDE_CALL.search(name)) or name in {"add_argument", "tag", "field"} or is_hosted_call(call)


def is_hosted_call(call: ast.Call) -> bool:
    """Tell whether a call asks a service that runs models under names of its own."""
    if not _sounds_hosted(called_name(call), _receiver(call.func)):
        return False
    texts = {
        plain_key(each.arg): str(each.value.value)
        for each in call.keywords
        if each.arg and isinstance(each.value, ast.Constant)
    }
    own = {texts.get(key) for key in ("provider", "model_provider", "backend")}
    addresses = [texts.get(key, "") for key in _ADDRESSES]
    return not own & _OWN_PROVIDERS and not any("huggingface" in each or is_own_server(each) for each in addresses)


def is_own_server(address: str) -> bool:
    """Tell whether an address is that of a server of one's own."""
    return _OWN_SERVER.match(address) is not None


@lru_cache(4096)
def is_hosted_place(owner: str, file: str) -> bool:
    """Tell whether the name of a class or file says that a service is asked there: `DeepInfraEmbeddings`, `groq.py`."""
    stem = file.rpartition("/")[2].partition(".")[0]
    return any(_sounds_hosted(each, "") or _ELSEWHERE.search(each.lower()) for each in (owner, stem) if each)


@lru_cache(4096)
def _sounds_hosted(name: str, receiver: str) -> bool:
    """Tell whether the name of a call, or of what it is a method of, is that of a service."""
    if name in sinks.HOSTED_CALLS:
        return True
    if _OWN_CALL.search(name.lower()):
        return False
    plain = "".join(re.findall(r"[a-z0-9]+", f"{receiver} {name}".lower()))
    return bool(_HOSTED_CALL.search(plain)) or is_hosted_key(plain_key(name))


def _receiver(func: ast.expr) -> str:
    """Return the names in front of the last one, and of the call that they are of."""
    parts = []
    node = func.value if isinstance(func, ast.Attribute) else None
    while node is not None:
        parts.append(node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", ""))
        node = node.value if isinstance(node, ast.Attribute) else node.func if isinstance(node, ast.Call) else None
    return " ".join(parts)


def labelled_name(text: str, context: Context) -> Name | None:
    """Return the model that a string names by its label; None if it is something else, or a service's own name."""
    if text.startswith(ROUTED) and text.count("/") == 2 and says_model(context):
        return read_name(text)
    if not says_model(context) or is_aside(context.call) or _is_read(context) or _SLUG.match(text):
        return None
    name = read_name(text)
    if name is None or not _looks_like_one(name):
        return None
    path = context.path or (plain_key(called_name(context.call)) if context.call else "",)
    return None if is_hosted(path, context.beside) else name


def _looks_like_one(name: Name) -> bool:
    """Tell whether a name has the form of an id with an owner, or is one of those without that libraries load."""
    owner, slash, last = name.model.rpartition("/")
    if name.form is Form.BARE:
        return not slash and "-" in last and is_known_bare(last)
    return name.form is Form.ID and not _DOMAIN.search(owner) and _TELLING.match(last) is not None


def _is_read(context: Context) -> bool:
    """Tell whether a string is an argument that the table of calls has: what it is was decided there."""
    if context.call is None:
        return False
    found = sinks.SINKS.get(called_name(context.call), ())
    return any(not context.keyword or context.keyword in each.keywords for each in found)


def revision_beside(context: Context) -> str | None:
    """Return the revision that stands beside a string: under `model_revision` for `model_id`."""
    nearest = context.beside[-1] if context.beside and context.path else {}
    return asked_of(context.path[-1], "revision", nearest.get) if nearest else None
