"""JSON: the answer itself, in the form of its schema."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lineage.report.invisible import INVISIBLE

if TYPE_CHECKING:
    from lineage_schemas.answers.audit import AuditAnswer
    from lineage_schemas.record import Record

_HIDDEN = re.compile(f"[\x7f-\x9f\ud800-\udfff{INVISIBLE}]")


def to_json(answer: Record) -> str:
    """Write an answer as indented JSON, fields in the order of the schema, with a newline at the end.

    Characters that are invisible or could control a terminal are written as escapes, which changes no value: they occur
    only inside strings. A file name that is not UTF-8 contains lone surrogates: pydantic rejects them, `json.dumps`
    escapes them.
    """
    try:
        text = answer.model_dump_json(by_alias=True, indent=2)
    except ValueError:  # pydantic's PydanticSerializationError: lone surrogates
        text = json.dumps(answer.model_dump(mode="json", by_alias=True), indent=2)
    return _HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], text) + "\n"


def to_json_lines(answer: Record) -> str:
    """Write each answer about one model as one line of JSON, ASCII only; an answer about several models is several.

    The commands write the lines of a long run one by one, as the answers come.
    """
    several = getattr(answer, "answers", None)
    lines = (json.dumps(each.model_dump(mode="json", by_alias=True)) for each in several or (answer,))
    return "".join(each.replace("\x7f", "\\u007f") + "\n" for each in lines)  # JSON itself keeps DEL


def audit_as_json_lines(answer: AuditAnswer) -> str:
    """Write an audit as one JSON object a line: references, models, derivations, findings, what is unchecked.

    The field `line` says which of these a line is; the last one is the `summary` with all other fields of the answer.
    """
    content = answer.model_dump(mode="json", by_alias=True)
    lines = [
        {"line": kind, **each}
        for kind, field in (
            ("reference", "references"), ("model", "models"), ("derivation", "derivations"), ("finding", "findings"),
            ("unchecked", "unchecked"),
        )
        for each in content.pop(field)
    ]  # fmt: skip
    summary = {"line": "summary", **content}
    return "".join(json.dumps(each).replace("\x7f", "\\u007f") + "\n" for each in (*lines, summary))


def as_ascii(text: str) -> str:
    """Escape all non-ASCII characters, for an output that is not UTF-8 and would corrupt the JSON."""
    return text if text.isascii() else json.dumps(json.loads(text), indent=2) + "\n"
