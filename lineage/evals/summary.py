"""What the harness writes about a run beside the samples: directions of metrics, versions, the tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_SUMMARY = 100_000_000
"""Bytes of a summary that are read; those of hundreds of tasks have a few megabytes."""

_TOKENIZER = ("tokenizer_pad_token", "tokenizer_eos_token", "tokenizer_bos_token", "eot_token_id")

LOWER_IS_BETTER = frozenset(
    {
        "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "ppl", "brier_score", "ter", "wer", "cer",
        "mer", "mse", "mae", "rmse", "loss", "edit_distance", "ece",
    }
)  # fmt: skip
"""Metrics of which a lower value is better, for results without a summary. Source: the registries of the harness 0.4.13
and of lighteval 0.13; mer, mse, mae, rmse, loss and ece are errors by their definition."""

LOGGED_AS_LIKELIHOOD = "perplexity"
"""A metric whose instances the harness logs as log-likelihoods, never above 0; its value is exp(-mean) of them."""


@dataclass
class Summary:
    """Hold what the summaries of one side say; empty where there are none.

    `higher` has the direction of a task's metric, `delimiters` the text between a prompt and a choice, `datasets` the
    data set of a task and its configuration, `versions` that of each task, `tokenizer` the special tokens.
    """

    higher: dict[tuple[str, str], bool] = field(default_factory=dict)
    delimiters: dict[str, str] = field(default_factory=dict)
    datasets: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    tokenizer: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def is_higher_better(self, task: str, metric: str) -> bool | None:
        """Return the direction of a metric; None if neither the summary nor the metric's name gives it."""
        known = self.higher.get((task, metric))
        return known if known is not None else (False if metric.lower() in LOWER_IS_BETTER else None)


def read_summaries(paths: Iterable[Path]) -> Summary:
    """Read summaries, the oldest first, so that the newest decides; one that cannot be read is a problem."""
    found = Summary()
    for path in sorted(paths, key=lambda each: each.name):
        try:
            if path.stat().st_size > MAX_SUMMARY:
                raise ValueError(f"it has more than {MAX_SUMMARY:,} bytes")
            data = json.loads(path.read_text("utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            found.problems.append((str(path), f"the summary cannot be read: {error}"))
            continue
        if isinstance(data, dict):
            _add(found, data)
    return found


def _add(found: Summary, data: Mapping[str, Any]) -> None:
    for task, metrics in _mapping(data.get("higher_is_better")).items():
        found.higher |= {(task, metric): up for metric, up in _mapping(metrics).items() if isinstance(up, bool)}
    for task, config in _mapping(data.get("configs")).items():
        _add_config(found, task, _mapping(config), templated=data.get("chat_template") is not None)
    found.versions |= {task: str(version) for task, version in _mapping(data.get("versions")).items()}
    for key, into in (("lm_eval_version", found.programs), ("model_name", found.models)):
        if isinstance(data.get(key), str):
            into.add(f"lm-eval {data[key]}" if into is found.programs else data[key])
    found.tokenizer |= {key: json.dumps(data[key]) for key in _TOKENIZER if data.get(key) is not None}


def _add_config(found: Summary, task: str, config: Mapping[str, Any], *, templated: bool) -> None:
    """Read a task's configuration. With a chat template the harness writes no delimiter, unless a prefix needs one."""
    delimiter, dataset = config.get("target_delimiter"), config.get("dataset_path")
    if isinstance(delimiter, str):
        found.delimiters[task] = "" if templated and not config.get("gen_prefix") else delimiter
    if isinstance(dataset, str):
        name = config.get("dataset_name")
        found.datasets[task] = (dataset, name if isinstance(name, str) else None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
