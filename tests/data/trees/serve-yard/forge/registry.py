"""Base models we are allowed to train on."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase


@dataclass
class BaseModelSpec:
    name: str
    hf_path: str
    revision: Optional[str] = None
    chat_template: str = "chatml"
    target_modules: Sequence[str] = field(default_factory=lambda: ["q_proj", "v_proj"])


_REGISTRY: Dict[str, BaseModelSpec] = {}


def register(spec: BaseModelSpec) -> BaseModelSpec:
    _REGISTRY[spec.name] = spec
    return spec


register(BaseModelSpec(name="tiny", hf_path="TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"))
register(BaseModelSpec("olmo", "allenai/OLMo-1B-hf", revision="step738020-tokens3094B"))
register(
    BaseModelSpec(
        name="mistral",
        hf_path="mistralai/Mistral-7B-v0.3",
        revision="d8cadc02ac76bd617a919d50b092e59d2d110aff",
        chat_template="mistral/instruct",
    )
)
# register(BaseModelSpec(name="falcon", hf_path="tiiuae/falcon-7b", revision="898df1396f35e447d5fe44e0a3ccaaaa69f30d36"))

SIZES = dict(small="HuggingFaceTB/SmolLM-135M", medium="HuggingFaceTB/SmolLM-360M")


def load(name: str) -> Tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    spec = _REGISTRY[name]
    model = AutoModelForCausalLM.from_pretrained(spec.hf_path, revision=spec.revision, device_map="auto")
    return model, AutoTokenizer.from_pretrained(spec.hf_path, revision=spec.revision)


def smol(size: str = "small"):
    return AutoModelForCausalLM.from_pretrained(SIZES[size])


def names() -> List[str]:
    return sorted(_REGISTRY)
