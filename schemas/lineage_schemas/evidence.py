"""Evidence: one finding of one rule about a child and what it comes from."""

from __future__ import annotations

import hashlib
import json
import re

from lineage_schemas.derivation import Method, Relation
from lineage_schemas.pointer import Pointer
from lineage_schemas.record import Record


class Evidence(Record):
    """Report what one rule found, for or against an edge, and where it can be checked.

    `id` is derived from the content, so that the same finding collected twice is one. `parent` is the canonical
    key of the named model, or None if the name is `unresolvable` (a local path, not a repository id).
    `supports` is true for, false against, None if the rule only reports. `value` is the text in the file,
    verbatim. `relation` and `method` are what this finding alone implies; `declared` is true if the publisher
    declared the `relation`.

    A finding from weights also has `score`, the measured number that its rule documents, and `weights_child` and
    `weights_parent`, the files digests of the two contents that were compared: a model's weights may be replaced, and
    the finding is about these. The digests are part of the id, the score is not (`evidence_id`).
    """

    id: str
    rule: str
    child: str
    parent: str | None
    supports: bool | None
    value: str | None
    pointer: Pointer
    relation: Relation | None = None
    declared: bool = False
    method: Method = "unknown"
    parent_revision: str | None = None
    child_revision: str | None = None
    unresolvable: str | None = None
    score: float | None = None
    weights_child: str | None = None
    weights_parent: str | None = None


EVIDENCE_ID = re.compile("evidence\\.v1:[0-9a-f]{40}")
"""The form of the ids that `evidence_id` makes."""


def evidence_id(evidence: Evidence) -> str:
    """Make the id of evidence: the hash of all its other fields but the score.

    No clock is among them: the same finding made again, on any machine, is the same record. Fields at their default are
    left out of the hash, so that the record may get new fields without new ids for what is stored. So a finding that
    names the compared weights is another one than a finding that names none. The score is left out because two
    machines may compute it with different last digits: what it decides is in the fields that are hashed.
    """
    content = evidence.model_dump(mode="json", exclude={"id", "score"}, exclude_defaults=True)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"evidence.v1:{hashlib.sha256(canonical.encode('utf-8')).hexdigest()[:40]}"
