"""Derivations: edges from a child model to the parents that it was made from."""

from __future__ import annotations

from typing import Literal

from lineage_schemas.record import Record

Relation = Literal["finetune", "adapter", "merge", "quantized"]
"""The Hub's four relations. Null if none of them fits (a copy, cast or conversion) or if it is not known."""

Method = str
"""More specific than a relation: a key of METHOD_RELATION, or the unchanged name of a quantisation or PEFT method."""

METHOD_RELATION: dict[str, Relation | None] = {
    "full": "finetune", "partial": "finetune", "continued_pretrain": "finetune", "pruned": "finetune",
    "layer_dropped": "finetune", "vocab_extended": "finetune", "distilled": "finetune",
    "lora": "adapter",
    "linear": "merge", "slerp": "merge", "task_arithmetic": "merge", "ties": "merge", "dare": "merge",
    "stack": "merge", "lora_merge": "merge",
    "gptq": "quantized", "awq": "quantized", "gguf": "quantized", "bitsandbytes": "quantized", "fp8": "quantized",
    "cast": None, "conversion": None, "duplicate": None, "renamed": None, "resharded": None,
    "unknown": None,
}  # fmt: skip
"""The methods that lineage names itself, with the Hub's relation for each."""

Status = Literal["confirmed", "inferred", "declared", "indirect", "contradicted"]


class Derivation(Record):
    """Keep one edge from a child to a parent, one for each pair.

    `child` and `parent` are model keys. `relation` is what lineage concludes, `relation_declared` what the publisher
    declares. `confidence` is between 0 and 1, null if nothing was measured. Revisions are commits, if they are known.
    `evidence` lists the ids of all evidence for or against this edge.
    """

    child: str
    parent: str
    relation: Relation | None = None
    relation_declared: Relation | None = None
    method: Method = "unknown"
    status: Status = "declared"
    confidence: float | None = None
    parent_revision: str | None = None
    child_revision: str | None = None
    evidence: tuple[str, ...] = ()
