"""Check that a row is a record: of its kind, with the key and the edges that its content implies.

Every way into and out of a store passes here: an import and a copy before they write, an export while it writes, and
`lineage store check`. A row is read as JSON by the record of its kind (`lineage.store.records`), without conversions:
`"5"` is not a number. So a kind that has a record is checked without more code. What follows from a row's content is
checked beside it: for example the revision with the model `org/a` and the commit `c1` has the key `org/a@c1`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from lineage.store.promoted import FILE_KEY
from lineage.store.records import records
from lineage_schemas.evidence import EVIDENCE_ID, evidence_id
from lineage_schemas.graph_batch import AttachmentKind
from lineage_schemas.ids import change_key, model_key, ref_key, revision_key

if TYPE_CHECKING:
    from lineage.store.graph import EdgeKind, EdgeRow, NodeKind, NodeRow
    from lineage.store.records import StoredRecord
    from lineage_schemas.record import Record

_as_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_NOT_UNICODE = "it has a text that is not valid Unicode"

OTHER_TEXT = "the text stored under this hash has a different hash"
"""The fault of a text that `hashes_to` denies, unless it is the beginning of a longer file."""

_PLAIN_EDGES: Mapping[EdgeKind, frozenset[str]] = {"CONTAINS": frozenset({"xet_hash"})}
"""The texts that an edge without a record may have."""

_SHOWN = 100
"""Characters of a wrong value that a message shows."""


def node_fault(kind: NodeKind, row: NodeRow) -> str | None:
    """Say what is wrong with a node; None if it is a record of its kind, with the right key and sound hashes.

    The id of evidence is not compared with its content: no key depends on it, and a backup with another id is whole.
    """
    content, key = content_fault(kind, row)
    if content is None and kind == "Evidence":
        return None
    return content or key or (_FORMS[kind](row) if kind in _FORMS else None)


def content_fault(kind: NodeKind, row: NodeRow) -> tuple[str | None, str | None]:
    """Say what is wrong with a node's content, and else with its key; None where nothing is."""
    stored = records()[kind]
    record, fault = _read(stored, row.properties, {stored.key or "key": row.key})
    if record is None:
        return fault, None
    implied = _KEYS[kind](record) if kind in _KEYS else row.key
    wrong = implied is not None and implied != row.key
    return None, f"its content gives the key {_shown(implied)}" if wrong else None


def edge_fault(row: EdgeRow) -> str | None:
    """Say what is wrong with an edge; None if it has the properties of its kind and its ends belong together."""
    stored = records().get(row.kind)
    fault: str | None
    if not _is_unicode(row.source, row.target, row.name):
        fault = _NOT_UNICODE
    elif stored is None:
        fault = _plain_fault(row)
    else:
        outside = dict(zip(stored.ends, (row.source, row.target), strict=True)) if stored.ends else {}
        outside |= {stored.name: row.name} if stored.name else {}
        record, fault = _read(stored, row.properties, outside)
        own = getattr(record, "name", row.name)
        if record is not None and own != row.name:
            fault = f"its name is {_shown(row.name)}, but its content is of {_shown(own)}"
    if fault is None and row.kind in _JOINED and not _JOINED[row.kind](row.source, row.target):
        fault = "its ends are of different models"
    return fault


def attachment_fault(kind: AttachmentKind, key: str, data: bytes) -> str | None:
    """Say what is wrong with an attachment; None if it can be read. A tensor table is read by the caller."""
    if not _is_unicode(kind, key):
        return _NOT_UNICODE
    if kind not in get_args(AttachmentKind) or not isinstance(data, bytes):
        return "it is not an attachment of a known kind"
    try:
        return "it names no model" if kind == "alias" and not data.decode() else None
    except UnicodeDecodeError:
        return "it is not a text in UTF-8"


def hashes_to(key: str, data: bytes) -> bool:
    """Return whether a text has the hash in its key; true for a key without a hash."""
    from hashlib import sha1, sha256

    if key.startswith("sha256:"):
        return sha256(data).hexdigest() == key.removeprefix("sha256:")
    if key.startswith("gitblob:"):
        blob = sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
        return blob.hexdigest() == key.removeprefix("gitblob:")
    return True


def _read(stored: StoredRecord, properties: Any, outside: Mapping[str, str]) -> tuple[Record | None, str | None]:
    """Read a row as its record; return the record, or what is wrong."""
    if not isinstance(properties, dict):
        return None, "its content is not a JSON object"
    try:
        text = _as_json({**properties, **outside}).encode()
    except UnicodeEncodeError:
        return None, _NOT_UNICODE
    except (ValueError, TypeError, RecursionError):
        return None, "it has a value that JSON cannot hold, such as NaN"
    try:
        record = stored.record.model_validate_json(text, strict=True)
    except ValidationError as error:
        return None, _first_fault(error)
    dates = _dates(stored.record)
    if dates and (wrong := _changed(record.model_dump(mode="json", include=dates), _only(properties, dates))):
        return None, f"{wrong} is not a date and time with a time zone"
    return record, None


def _first_fault(error: ValidationError) -> str:
    """Describe the first of pydantic's errors: the field, what is wrong and the value."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"its field {_shown(field)} is not known"
    if first["type"] == "missing":
        return f"its field {_shown(field)} is missing"
    wanted = first["msg"].replace("Input should", "it should")
    return f"its field {_shown(field)} is wrong: {wanted}, not {_shown(first['input'])}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _only(properties: Mapping[str, Any], names: set[str]) -> Mapping[str, Any]:
    return {name: properties[name] for name in names if name in properties}


@cache
def _dates(record: type[Record]) -> set[str]:
    """Return the fields of a record that are dates, or hold some."""
    schema = record.model_json_schema()

    def has_a_date(part: Any, seen: tuple[str, ...] = ()) -> bool:
        if isinstance(part, dict):
            if part.get("format") == "date-time":
                return True
            named = str(part.get("$ref", "")).rpartition("/")[2]
            if named and named not in seen and has_a_date(schema["$defs"][named], (*seen, named)):
                return True
        return isinstance(part, dict | list) and any(
            has_a_date(each, seen) for each in (part.values() if isinstance(part, dict) else part)
        )

    return {name for name, part in schema["properties"].items() if has_a_date(part)}


def _changed(read: Any, given: Any, where: str = "") -> str | None:
    """Name the first value that a record reads as another one, such as the date `1700000000`; None if there is none.

    Fields that are missing in `given` have their default: an older version wrote fewer fields. A date may be written
    in any form that has the same meaning for every reader of dates.
    """
    if read == given:
        return None
    if isinstance(read, dict) and isinstance(given, dict):
        if read.items() >= given.items():
            return None
        return next(filter(None, (_changed(read.get(name), given[name], name) for name in given)), None)
    if isinstance(read, list) and isinstance(given, list):
        return next(filter(None, map(_changed, read, given, [where] * len(read))), None)
    return None if _is_moment(given) else f"its field {where} is wrong: {_shown(given)}"


def _is_moment(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _plain_fault(row: EdgeRow) -> str | None:
    """Check an edge whose kind has no record: its properties are a few known texts."""
    if not isinstance(row.properties, dict):
        return "its content is not a JSON object"
    known = _PLAIN_EDGES.get(row.kind, frozenset())
    for name, value in row.properties.items():
        if name not in known:
            return f"its field {_shown(name)} is not known"
        if not isinstance(value, str):
            return f"its field {name} is wrong: it should be a text, not {_shown(value)}"
    return None if _is_unicode(*row.properties.values()) else _NOT_UNICODE


def _is_unicode(*texts: Any) -> bool:
    """Return whether values are texts in Unicode: a damaged file may hold bytes or a number where a text belongs."""
    try:
        "".join(texts).encode()
    except (UnicodeEncodeError, TypeError):
        return False
    return True


def _change_key(change: Any) -> str | None:
    return change_key(change.model, change.branch, change.revisions[0]) if change.revisions else None


def _evidence_key(evidence: Any) -> str | None:
    """Return the id that the content gives; None for one of a format that this version does not make."""
    return evidence_id(evidence) if EVIDENCE_ID.fullmatch(evidence.id) else None


_KEYS: Mapping[NodeKind, Callable[[Any], str | None]] = {
    "Model": lambda model: model_key(model.hub, model.id),
    "Publisher": lambda publisher: model_key(publisher.hub, publisher.name),
    "Ref": lambda ref: ref_key(ref.model, ref.name),
    "Revision": lambda revision: revision_key(revision.model, revision.commit),
    "Change": _change_key,
    "Evidence": _evidence_key,
    "Product": lambda product: product.name,
}
"""The key that a record's content implies, by kind; None where it implies none."""

_DIGESTS = {
    name: re.compile(rf"{name}\.v[0-9]+:[0-9a-f]{{1,64}}") for name in ("files", "weights", "content", "layout")
}
"""The form of each digest. `lineage store check` asks for all 64 digits; a dump made by hand may have fewer."""


def _file_form(row: NodeRow) -> str | None:
    alias = row.properties.get("alias")
    if not FILE_KEY.fullmatch(row.key):
        return "its key is not the hash of a file: sha256: and 64 hex digits, or gitblob: and 40"
    if alias is not None and not re.fullmatch("[0-9a-f]{40}", alias):
        return f"its alias {_shown(alias)} is not a git blob id of 40 hex digits"
    return None


def _weights_form(row: NodeRow) -> str | None:
    for name, form in _DIGESTS.items():
        digest = row.key if name == "files" else row.properties.get(name)
        if digest is not None and not form.fullmatch(digest):
            return f"its {name} digest {_shown(digest)} is not {name}.vN: and hex digits"
    return None


def _match_key_form(row: NodeRow) -> str | None:
    family = row.properties.get("family")
    return None if row.key.startswith(f"{family}:") else f"its key does not begin with its family {family}"


_FORMS: Mapping[NodeKind, Callable[[NodeRow], str | None]] = {
    "File": _file_form, "Weights": _weights_form, "MatchKey": _match_key_form,
}  # fmt: skip
"""The form of hashes and keys, by kind."""


def _is_of_model(model: str, key: str) -> bool:
    return key.startswith(f"{model}@")


def _share_a_model(key: str, revision: str) -> bool:
    return _is_of_model(revision.rpartition("@")[0], key)


_JOINED: Mapping[EdgeKind, Callable[[str, str], bool]] = {
    "HAS_REVISION": _is_of_model,
    "HAS_CHANGE": _is_of_model,
    "HAS_PARENT": _share_a_model,
    "POINTS_TO": _share_a_model,
}
"""Whether the keys of an edge's ends belong together, by kind."""
