"""Files whose effect no facet knows: settings of other libraries, and bytes that may be parameters."""

from __future__ import annotations

import re

from lineage.fingerprint.weight_files import is_training_state

ENDPOINT = "handler.py"
"""Code at the top of a repository that hosted inference endpoints run."""

_SETTINGS = re.compile(
    r"(.*[-_.])?(config|cfg|args|params|hparams|hyperparams|settings|vocoder|voices|modelfile|template|system|prompts?)"
    r"([-_.].*)?(\.(json|ya?ml|toml|txt|jinja))?",
    re.IGNORECASE,
)
"""Names of settings: `params.json` (Mistral), `hyperparams.yaml` (SpeechBrain), `Modelfile` (Ollama)."""

_PARAMETERS = re.compile(
    r"\.(bin|dat|data|ggml|ggmlv3|ggjt|joblib|mnn|msgpack|npy|npz|param|pb|pickle|pkl|pmml|q\d\w*|rten|rwkv|tar|task|tar\.gz|tgz"
    r"|xml|zip|7z|mar)$",
    re.IGNORECASE,
)
"""Suffixes of files that hold parameters among other things, or archives of them."""

_HARMLESS = re.compile(
    r"(^|/)(\.|checkpoint-|runs/|logs?/|wandb/|examples?/|tests?/|docs?/|assets?/|images?/|\.github/)"
    r"|(^|/)(train|eval|training|trainer|test|dataset|all|predict)[-_](args|state|config|params|results)",
    re.IGNORECASE,
)
"""Folders and files that belong to training, tests and documents."""


def may_be_loaded(path: str) -> bool:
    """Return whether a program that uses the model may load a file that no facet reads."""
    if _HARMLESS.search(path) or is_training_state(path):
        return False
    name = path.rpartition("/")[2]
    return _SETTINGS.fullmatch(name) is not None or _PARAMETERS.search(name) is not None
