"""Results that a model claims: `model-index` of the card, and files in `.eval_results`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lineage.hub.bounds import BoundError
from lineage.hub.declared.card import CARD
from lineage.hub.declared.parsing import NotReadableError, text_of
from lineage.hub.yaml_text import YamlError, read_yaml

MAX_CLAIMS = 2_000
"""More than any real card claims, except those of embedding benchmarks, which have about a thousand."""


class Claim(NamedTuple):
    """Hold one claimed result; what is missing is None. `value` is as it is written: a number, or anything else."""

    task: str | None
    dataset: str | None
    config: str | None
    split: str | None
    metric: str | None
    metric_name: str | None
    value: Any
    file: str
    field: str


def card_claims(card: Mapping[str, Any]) -> Iterator[Claim]:
    """List the results in `model-index`. Entries of another form are skipped."""
    for i, model in _mappings(card.get("model-index")):
        for j, result in _mappings(model.get("results")):
            task, data = _mapping(result.get("task")), _mapping(result.get("dataset"))
            for k, metric in _mappings(result.get("metrics")):
                yield Claim(
                    task=_text(task.get("type")) or _text(task.get("name")),
                    dataset=_text(data.get("type")),
                    config=_text(data.get("config")),
                    split=_text(data.get("split")),
                    metric=_text(metric.get("type")),
                    metric_name=_text(metric.get("name")),
                    value=metric.get("value"),
                    file=CARD,
                    field=f"model-index[{i}].results[{j}].metrics[{k}]",
                )


def file_claims(path: str, data: bytes) -> Iterator[Claim]:
    """List the results in a file of `.eval_results`, each a mapping with `dataset` and `value`.

    Raises NotReadableError if the file is not YAML with a list of results.
    """
    for i, entry in _mappings(_entries(data)):
        named = _mapping(entry.get("dataset"))
        yield Claim(
            task=None,
            dataset=_text(named.get("id")),
            config=_text(named.get("task_id")),
            split=None,
            metric=None,
            metric_name=None,
            value=entry.get("value"),
            file=path,
            field=f"[{i}]",
        )


def _entries(data: bytes) -> Any:
    """Parse a file of results: a list, or one result."""
    try:
        documents = read_yaml(text_of(data), unfold=True)
    except (BoundError, YamlError) as error:
        raise NotReadableError(str(error)) from error
    values = [document.value for document in documents]
    repeat = next((document.repeats.first for document in documents if document.repeats.first), None)
    if repeat is not None:
        raise NotReadableError(repeat)
    first = values[0] if len(values) == 1 else values
    found = [first] if isinstance(first, dict) else first
    if not isinstance(found, list):
        raise NotReadableError("it is not a list of results")
    return found


def _mappings(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """List the mappings of a list with their positions."""
    return ((i, each) for i, each in enumerate(value if isinstance(value, list) else []) if isinstance(each, dict))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """Return a text without blanks around it; None for anything else and for an empty one."""
    return (value.strip() or None) if isinstance(value, str) else None
