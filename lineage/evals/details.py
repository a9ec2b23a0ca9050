"""Rows of lighteval's details: Parquet files, one a task and date, with a struct for document, response and scores.

Source: `lighteval/logging/info_loggers.py` and `lighteval/models/model_output.py` of version 0.13. Versions before 0.10
wrote flat columns (`example`, `predictions`, `metrics`), which are read too. Only this module imports pyarrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage.errors import InputError
from lineage.evals.row import NO_FILTER, Row, Score, Skipped, number

if TYPE_CHECKING:
    import pyarrow.parquet

EXTRA = "pip install 'model-lineage[parquet]'"

BATCH = 1_000
"""Rows that are in memory at once: documents and prompts are long."""

_COLUMNS = ("doc", "model_response", "metric", "example", "full_prompt", "predictions", "metrics", "gold")


def read_details(path: Path, task: str) -> Iterator[Row | Skipped]:
    """Read the rows of one file, in batches.

    Raises InputError without pyarrow, and for a file that is not Parquet or has other columns.
    """
    file = _open(path)
    try:
        names = [name for name in _COLUMNS if name in file.schema_arrow.names]
        if not {"metric", "metrics"} & set(names):
            raise InputError(
                f"{str(path)!r} has no column metric: it does not hold lighteval's details",
                hint="name a details_*.parquet file",
            )
        position = 0
        for batch in _batches(file, names, path):
            for data in batch:
                position += 1
                row = _read_row(data, task)
                yield Skipped(position, row) if isinstance(row, str) else row
    finally:
        file.close()


def _open(path: Path) -> pyarrow.parquet.ParquetFile:
    """Open a Parquet file."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise InputError(f"{str(path)!r} is a Parquet file, and pyarrow is not installed", hint=EXTRA) from error
    try:
        return ParquetFile(path)
    except (ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _batches(file: pyarrow.parquet.ParquetFile, names: list[str], path: Path) -> Iterator[list[dict[str, Any]]]:
    """Read batches of rows as Python objects."""
    from pyarrow import ArrowException

    try:
        for batch in file.iter_batches(batch_size=BATCH, columns=names):
            yield batch.to_pylist()
    except (ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> InputError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return InputError(f"{str(path)!r} cannot be read as Parquet: {reason}", hint="write or copy the file again")


def _read_row(data: Mapping[str, Any], task: str) -> Row | str:
    """Read one row of either form."""
    doc, response = _mapping(data.get("doc")), _mapping(data.get("model_response"))
    scores = _mapping(data.get("metric") or data.get("metrics"))
    question = doc.get("query", data.get("example", data.get("full_prompt")))
    if not isinstance(question, str) or not question:
        return "it has no question"
    choices = doc.get("choices")
    asked = response.get("input", data.get("full_prompt"))
    answers = _Response(doc, response, data.get("predictions"))
    return Row(
        task=task,
        filter=NO_FILTER,
        id=_hash(question, *(choices if isinstance(choices, list) else ())),
        prompt=_hash(str(asked)) if asked else None,
        reference=_reference(doc, data.get("gold")),
        scores={
            str(name): Score(number(value), answers.prediction(str(name), number(value)))
            for name, value in scores.items()
            if value is not None
        },
    )


class _Response:
    """Work out which answer a metric of one row judges."""

    def __init__(self, doc: Mapping[str, Any], response: Mapping[str, Any], predictions: Any) -> None:
        self._likelihoods = [number(value) for value in _list(response.get("logprobs"))]
        self._choices = _list(doc.get("choices"))
        gold = doc.get("gold_index")
        self._gold = gold if isinstance(gold, list) else [gold]
        self._texts = _list(response.get("text_post_processed")) or _list(response.get("text")) or _list(predictions)

    def prediction(self, metric: str, value: float) -> str | None:
        """Return the answer; None if there are several, or if the row does not show which choice the metric judges."""
        if len(self._texts) == 1 and isinstance(self._texts[0], str):
            return self._texts[0]
        values = self._normalised(metric.lower())
        if len(values) < 2 or any(math.isnan(each) for each in values):
            return None
        chosen = max(range(len(values)), key=values.__getitem__)
        contradicted = value in (0.0, 1.0) and (chosen in self._gold) != bool(value)
        return None if contradicted else str(chosen)

    def _normalised(self, metric: str) -> list[float]:
        """Return the log-likelihoods of the choices, divided by their lengths if the metric's name says so.

        The names are `acc`, `acc_norm` (before 0.10), or contain the settings: `logprob_normalization=LogProbCharNorm`.
        """
        if len(self._likelihoods) != len(self._choices):
            return []
        if "norm" not in metric:
            return self._likelihoods
        if "tokennorm" in metric or "pminorm" in metric or not all(self._choices):
            return []
        skipped = 1 if "ignore_first_space=true" in metric else 0
        lengths = [len(str(text)) - (skipped if str(text).startswith(" ") else 0) for text in self._choices]
        return (
            [value / length for value, length in zip(self._likelihoods, lengths, strict=True)] if all(lengths) else []
        )


def _reference(doc: Mapping[str, Any], gold: Any) -> str | None:
    """Return the right answers as a text."""
    choices, index = _list(doc.get("choices")), doc.get("gold_index")
    wanted = index if isinstance(index, list) else [index]
    found = [choices[i] for i in wanted if isinstance(i, int) and 0 <= i < len(choices)] or _list(gold)
    return ", ".join(str(each) for each in found) or None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _hash(*texts: str) -> str:
    """Hash a question with its choices; lighteval's own ids are positions, which change with `--max-samples`."""
    return sha256("\x00".join(str(text) for text in texts).encode("utf-8", "surrogatepass")).hexdigest()
