"""Rows of lm-evaluation-harness, as `--log_samples` writes them: one JSON object a line, one file a task.

Source: `lm_eval/evaluator.py` and `lm_eval/api/task.py` of version 0.4.13, and earlier versions of 0.4. Versions before
`doc_hash` and `prompt_hash` are read too: the hashes are those of the same texts, so they are computed here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from lineage.evals.row import NO_FILTER, Row, Score, number

MARKS = ("filtered_resps", "doc_hash")
"""Keys of which each row of the harness has one."""

_NOT_METRICS = frozenset(
    {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash",
     "target_hash"}
)  # fmt: skip

_ABSENT = object()

DELIMITER = " "
"""What the harness writes between a prompt and a choice, unless the task's configuration has another text."""

_WITHOUT_PREDICTION = frozenset({"exact_match", "likelihood", "brier_score"})
"""Metrics of multiple choice that do not judge the choice with the highest log-likelihood."""


def is_row(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a row of the harness."""
    return any(mark in data for mark in MARKS)


def read_row(data: Mapping[str, Any], task: str, delimiter: str | None = None) -> Row | str:
    """Read one row, or return why it cannot be read.

    `delimiter` is the one of the task's configuration, if that is known.
    """
    doc_hash = _hash(data, "doc_hash") or _hash_of_doc(data.get("doc"))
    if doc_hash is None:
        return "it has neither doc_hash nor doc"
    names = data.get("metrics")
    metrics = names if isinstance(names, list) else [name for name in data if name not in _NOT_METRICS]
    answers = _Answers(data, DELIMITER if delimiter is None else delimiter)
    scores: dict[str, Score] = {}
    aggregated: list[str] = []
    for name in metrics:
        value = data.get(name, _ABSENT) if isinstance(name, str) else _ABSENT
        if isinstance(value, list | dict):
            aggregated.append(name)
        elif value is not _ABSENT:
            score = number(value)
            scores[name] = Score(score, answers.prediction(name, score))
    chosen = data.get("filter")
    target = data.get("target")
    return Row(
        task=task,
        filter=chosen if isinstance(chosen, str) else NO_FILTER,
        id=doc_hash,
        prompt=_hash(data, "prompt_hash") or _hash_of_prompt(answers.arguments),
        reference=None if target is None else _text(target),
        scores=scores,
        aggregated=tuple(aggregated),
    )


class _Answers:
    """Work out which answer a metric of one row judges."""

    def __init__(self, data: Mapping[str, Any], delimiter: str) -> None:
        self._delimiter = delimiter
        self._target = _index(data.get("target"))
        self.arguments = _arguments(data.get("arguments"))
        responses = data.get("filtered_resps")
        self._responses: Sequence[Any] = responses if isinstance(responses, list) else []
        self._likelihoods = _likelihoods(self._responses)

    def prediction(self, metric: str, value: float) -> str | None:
        """Return the answer that a metric judges, None if the row does not determine it."""
        if self._likelihoods is None:
            return self._generated()
        if len(self._likelihoods) < 2 or metric in _WITHOUT_PREDICTION:
            return None
        chosen = self._chosen(metric)
        if chosen is None or self._is_contradicted(chosen, value):
            return None
        return str(chosen)

    def _generated(self) -> str | None:
        """Return the filtered text of a generated answer; None if there are several or none."""
        return _text(self._responses[0]) if len(self._responses) == 1 else None

    def _chosen(self, metric: str) -> int | None:
        """Return the position of the choice with the highest score: log-likelihoods, normalised as the metric does."""
        values = self._likelihoods or []
        if metric == "acc_mutual_info" or self._has_unconditioned():
            half = len(values) // 2
            conditioned, unconditioned = values[:half], values[half:]
            if metric == "acc_mutual_info":
                return _argmax([a - b for a, b in zip(conditioned, unconditioned, strict=False)])
            values = conditioned
        if metric not in ("acc_norm", "acc_bytes"):
            return _argmax(values)
        lengths = self._lengths(len(values), in_bytes=metric == "acc_bytes")
        if lengths is None:
            return None
        return _argmax([value / length for value, length in zip(values, lengths, strict=True)])

    def _has_unconditioned(self) -> bool:
        """Return whether the second half of the requests are the choices without a prompt (mutual information)."""
        if not self.arguments or self.arguments[-1][0] != "":
            return False
        half = len(self.arguments) // 2
        first, second = self.arguments[:half], self.arguments[half:]
        return bool(half) and all(each[0] == "" for each in second) and all(each[0] != "" for each in first)

    def _lengths(self, count: int, *, in_bytes: bool) -> list[int] | None:
        """Return the lengths of the choices without the delimiter before them; None if the row does not show them.

        Where the choices are in the prompts, as in Winogrande, the prompts differ and the continuations do not.
        """
        pairs = self.arguments[:count]
        texts = [pair[1] for pair in pairs if len(pair) > 1 and pair[0] == pairs[0][0] and isinstance(pair[1], str)]
        if len(texts) != count:
            return None
        if in_bytes:
            lengths = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
        else:
            lengths = [len(text) for text in texts]
        if all(text.startswith(self._delimiter) for text in texts):
            before = len(self._delimiter.encode("utf-8", "surrogatepass")) if in_bytes else len(self._delimiter)
            lengths = [length - before for length in lengths]
        return lengths if all(lengths) else None

    def _is_contradicted(self, chosen: int, value: float) -> bool:
        """Return whether the logged value does not fit the choice: then the choice was worked out wrongly."""
        return self._target is not None and value in (0.0, 1.0) and (chosen == self._target) != bool(value)


_GREEDY = ("True", "False", True, False)


def _likelihoods(responses: Sequence[Any]) -> list[float] | None:
    """Return log-likelihoods, one for each request; None if the responses are texts.

    A response is a pair of a log-likelihood and whether greedy decoding gives it; the harness writes both as texts.
    """
    for each in responses:
        if not isinstance(each, list) or len(each) != 2 or each[1] not in _GREEDY:
            return None
    return [number(each[0]) for each in responses] or None


def _argmax(values: list[float]) -> int | None:
    """Return the first position of the highest value; None if a value is not a number."""
    if not values or any(value != value for value in values):
        return None
    return values.index(max(values))


def _arguments(value: Any) -> list[Sequence[Any]]:
    """Return the arguments of each request: a mapping of mappings, in versions before 0.4.3 a list of lists."""
    if isinstance(value, dict):
        keys = value if len(value) <= 10 else sorted(value, key=_number_of)
        requests = [value[key] for key in keys]
        return [list(each.values()) for each in requests if isinstance(each, dict) and each]
    return [each for each in value if isinstance(each, list) and each] if isinstance(value, list) else []


def _number_of(key: str) -> int:
    digits = str(key).rpartition("_")[2]
    return int(digits) if digits.isdecimal() and len(digits) < 10 else 0


def _index(target: Any) -> int | None:
    """Return the position of the right choice if the target is one; the harness writes every target as a text."""
    text = str(target).strip()
    return int(text) if text.isdecimal() and len(text) < 5 else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _hash(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def _hash_of_doc(doc: Any) -> str | None:
    return None if doc is None else _sha256(json.dumps(doc, indent=2, ensure_ascii=False))


def _hash_of_prompt(arguments: list[Sequence[Any]]) -> str | None:
    first = arguments[0][0] if arguments else None
    return _sha256(first) if isinstance(first, str) else None


def _sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
