"""One line per name: JSON lines and CSV, for lists of any length."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.name import NamesAnswer, ReadName

COLUMNS = (
    "model", "convention", "identifier", "base-model", "size", "training-mechanism", "description", "variant-type",
    "version", "task", "language", "dataset", "others", "creation-date", "own-version", "own-version-kind", "missing",
    "conforming", "problem",
)  # fmt: skip
"""Columns of the CSV: `version` is the segment, `own-version` the model's own."""


def names_as_json_lines(answer: NamesAnswer) -> str:
    """Write one JSON object per name, in the order of the answer, with non-ASCII characters as escapes."""
    lines = (json.dumps(name.model_dump(mode="json")) for name in answer.names)
    return "".join(each.replace("\x7f", "\\u007f") + "\n" for each in lines)  # JSON itself keeps DEL


def names_as_csv(answer: NamesAnswer) -> str:
    """Write a table with one row per name; control characters are shown as escapes."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for name in answer.names:
        writer.writerow({column: visible(text) for column, text in _row(name).items()})
    return file.getvalue()


def _row(name: ReadName) -> dict[str, str]:
    return {
        **{segment.type: segment.text for segment in name.segments},
        "model": name.model,
        "convention": name.convention,
        "own-version": name.version.text if name.version else "",
        "own-version-kind": name.version.kind if name.version else "",
        "missing": " ".join(name.missing),
        "conforming": name.conforming or "",
        "problem": name.problem or "",
    }
