"""CSV: one row a task, or one a claim, for spreadsheets and notebooks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.compat import ComparedTask, CompatAnswer, CompatClaimsAnswer, CompatibleTask, Interval

_FORMULA = ("=", "+", "-", "@")
"""First characters by which a spreadsheet takes a text for a formula; an apostrophe before them prevents it."""

_TASK = ("task", "metric", "filter", "kind", "n")
_MEANS = ("acc_old", "acc_new")
_INTERVALS = ("nfr", "pfr", "nfr_mc", "btc")
_LAST = ("unobserved", "mean_gain", "mean_regression", "verdict")
_THIRD = ("delta", "delta_percent")
_CLAIM = ("verdict", "task", "dataset", "config", "split", "metric", "claimed", "compared")
_ENDS = ("", "_low", "_high")


def compat(answer: CompatAnswer) -> str:
    """Write one row for each task, metric and filter: the fields of the JSON answer, intervals in three columns."""
    names = [*_TASK, *(f"unpaired_{each}" for each in ("old", "new", "prompt", "duplicate"))]
    names += [*(f"invalid_{each}" for each in ("old", "new")), *_MEANS, *_columns(*_INTERVALS), *_LAST]
    if answer.compatible is not None:
        names += ["n_compatible", *_columns("nfr_c"), *_THIRD]
    third = answer.compatible.tasks if answer.compatible else ()
    by_key = {(each.task, each.metric, each.filter): each for each in third}
    return _written(names, [_task(task, by_key.get((task.task, task.metric, task.filter))) for task in answer.tasks])


def claims(answer: CompatClaimsAnswer) -> str:
    """Write one row for each claim."""
    rows = []
    for each in answer.claims:
        row: dict[str, Any] = {name: getattr(each, name) for name in _CLAIM}
        row |= _interval("measured", each.measured)
        rows.append(row | {"n": each.n, "reason": each.reason, "file": each.pointer.file, "field": each.pointer.field})
    return _written([*_CLAIM, *_columns("measured"), "n", "reason", "file", "field"], rows)


def _task(task: ComparedTask, third: CompatibleTask | None) -> dict[str, Any]:
    """Write one task, with what is known of the third model."""
    row: dict[str, Any] = {name: getattr(task, name) for name in (*_TASK, *_MEANS, *_LAST)}
    row |= {f"unpaired_{name}": count for name, count in task.unpaired}
    row |= {f"invalid_{name}": count for name, count in task.invalid}
    for name in _INTERVALS:
        row |= _interval(name, getattr(task, name))
    if third is not None:
        row |= {"n_compatible": third.n, **_interval("nfr_c", third.nfr_c)}
        row |= {name: getattr(third, name) for name in _THIRD}
    return row


def _columns(*names: str) -> list[str]:
    return [f"{name}{end}" for name in names for end in _ENDS]


def _interval(name: str, found: Interval | None) -> dict[str, float | None]:
    values = (found.value, found.low, found.high) if found else (None, None, None)
    return dict(zip(_columns(name), values, strict=True))


def _written(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows under a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Write a cell: foreign text cannot control a terminal or become a formula."""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
