"""Rows of plain files: JSON lines or CSV with the columns `id`, and `correct` or `score`.

Optional columns: `prediction`, `reference`, `task`, `metric`, `filter`, `prompt_hash`, in any case.
`correct` is 0, 1, true or false. A file may have both `correct` and `score`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from lineage.evals.row import NO_FILTER, UNNAMED_TASK, Row, Score, number

CORRECT, SCORE = "correct", "score"

VALUES = (CORRECT, SCORE)


def is_row(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON object, or the header of a CSV file, has the required columns."""
    names = {str(name).strip().lower() for name in data}
    return "id" in names and not names.isdisjoint(VALUES)


def read_row(data: Mapping[str, Any], task: str = UNNAMED_TASK) -> Row | str:
    """Read one row, or return why it cannot be read; `task` is that of a row that names none."""
    fields = {str(name).strip().lower(): value for name, value in data.items()}
    identity = _text(fields.get("id"))
    if identity is None:
        return "its id is empty"
    given = [name for name in VALUES if _text(fields.get(name)) is not None]
    metric = _text(fields.get("metric"))
    prediction = _text(fields.get("prediction"))
    scores = {
        _name(name, metric, alone=len(given) == 1): Score(_value(name, fields[name]), prediction) for name in given
    }
    return Row(
        task=_text(fields.get("task")) or task,
        filter=_text(fields.get("filter")) or NO_FILTER,
        id=identity,
        prompt=_text(fields.get("prompt_hash")),
        reference=_text(fields.get("reference")),
        scores=scores or {metric or next(name for name in VALUES if name in fields): Score(math.nan)},
    )


def _name(column: str, metric: str | None, *, alone: bool) -> str:
    """Name the metric of a column: with both columns, the score has a name of its own."""
    if metric is None:
        return column
    return metric if alone or column == CORRECT else f"{metric} ({SCORE})"


def _value(column: str, value: Any) -> float:
    """Read a value; `correct` is 0 or 1, and anything else is unusable."""
    found = number(value)
    return found if column == SCORE or found in (0.0, 1.0) else math.nan


def _text(value: Any) -> str | None:
    """Return a cell as a text, None if it is empty; a whole number of JSON is written as CSV writes it."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
