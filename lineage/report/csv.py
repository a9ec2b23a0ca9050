"""CSV: one row a task, or one a claim, for spreadsheets and notebooks."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.compat import CompatAnswer, CompatClaimsAnswer, Interval

_FORMULA = ("=", "+", "-", "@")
"""First characters by which a spreadsheet takes a text for a formula; an apostrophe before them prevents it."""

_INTERVALS = ("nfr", "pfr", "nfr_mc", "btc")


def compat(answer: CompatAnswer) -> str:
    """Write one row for each task, metric and filter: the fields of the JSON answer, intervals in three columns."""
    third = (
        {(each.task, each.metric, each.filter): each for each in answer.compatible.tasks} if answer.compatible else {}
    )
    rows = []
    for task in answer.tasks:
        row: dict[str, Any] = {
            "task": task.task, "metric": task.metric, "filter": task.filter, "kind": task.kind, "n": task.n,
            **{f"unpaired_{name}": count for name, count in task.unpaired},
            **{f"invalid_{name}": count for name, count in task.invalid},
            "acc_old": task.acc_old, "acc_new": task.acc_new,
        }  # fmt: skip
        for name in _INTERVALS:
            row |= _interval(name, getattr(task, name))
        row |= {name: getattr(task, name) for name in ("unobserved", "mean_gain", "mean_regression", "verdict")}
        compatible = third.get((task.task, task.metric, task.filter))
        if answer.compatible is not None:
            row |= {"n_compatible": compatible.n if compatible else None}
            row |= _interval("nfr_c", compatible.nfr_c if compatible else None)
            row |= {name: getattr(compatible, name, None) for name in ("delta", "delta_percent")}
        rows.append(row)
    return _written(rows)


def claims(answer: CompatClaimsAnswer) -> str:
    """Write one row for each claim."""
    names = ("task", "dataset", "config", "split", "metric", "claimed", "compared")
    rows = []
    for each in answer.claims:
        row: dict[str, Any] = {"verdict": each.verdict, **{name: getattr(each, name) for name in names}}
        row |= _interval("measured", each.measured)
        rows.append(row | {"n": each.n, "reason": each.reason, "file": each.pointer.file, "field": each.pointer.field})
    return _written(rows)


def _interval(name: str, found: Interval | None) -> dict[str, float | None]:
    values = (found.value, found.low, found.high) if found else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _written(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows under a header; without rows the text is empty, because no column is known to be needed."""
    text = io.StringIO()
    writer: csv.DictWriter[str] | None = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(text, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Write a cell: foreign text cannot control a terminal or become a formula."""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
