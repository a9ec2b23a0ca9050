"""Rows of plain files: JSON lines or CSV with the columns `id`, and `correct` or `score`.

Optional columns: `prediction`, `reference`, `task`, `metric`, `filter`, `prompt_hash`, `higher_is_better` (of scores).
Names of columns may be in any case. `correct` is 0, 1, true or false. A file may have both `correct` and `score`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lineage.evals.row import NO_FILTER, UNNAMED_TASK, Row, Score, number

CORRECT, SCORE = "correct", "score"

VALUES = (CORRECT, SCORE)

_HIGHER = {1.0: True, 0.0: False}


def is_row(data: Mapping[str, Any]) -> bool:
    """Return whether a JSON object, or the header of a CSV file, has the required columns."""
    return _columns(tuple(data)) is not None


def read_row(data: Mapping[str, Any], task: str = UNNAMED_TASK) -> Row | str | None:
    """Read one row, or return why it cannot be read; `task` is that of a row that names none.

    None if the required columns are missing.
    """
    columns = _columns(tuple(data))
    if columns is None:
        return None
    fields = {name: text for name, given in columns.items() if (text := _text(data[given])) is not None}
    identity = fields.get("id")
    if identity is None:
        return "its id is empty"
    metric, prediction = fields.get("metric"), fields.get("prediction")
    alone = CORRECT not in fields or SCORE not in fields
    scores = {
        _name(name, metric, alone=alone): Score(_value(name, data[columns[name]]), prediction)
        for name in VALUES
        if name in fields
    }
    return Row(
        task=fields.get("task") or task,
        filter=fields.get("filter") or NO_FILTER,
        id=identity,
        prompt=fields.get("prompt_hash"),
        reference=fields.get("reference"),
        scores=scores or {metric or next(name for name in VALUES if name in columns): Score(math.nan)},
        higher_is_better=_HIGHER.get(number(fields["higher_is_better"])) if "higher_is_better" in fields else None,
    )


@lru_cache(maxsize=256)
def _columns(names: tuple[str, ...]) -> Mapping[str, str] | None:
    """Map the columns that are read to their names as written; None if the required ones are missing."""
    found = {str(name).strip().lower(): name for name in names}
    return found if "id" in found and not found.keys().isdisjoint(VALUES) else None


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
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
