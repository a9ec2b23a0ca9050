"""Rules over the commits: `history.duplicate` and `history.dates`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from lineage.derivation.facts import ChildFacts
from lineage.derivation.finding import commit_of, make_evidence
from lineage.hub.declared.declaration import WrittenName, read_name, verbatim
from lineage_schemas.evidence import Evidence
from lineage_schemas.pointer import Pointer

FIRST_CREATION_DATE = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
"""When the Hub began to keep dates of creation: it gives this one for every older repository."""

MAX_TEXT = 2_000
"""Characters of a title or message that are searched: the mention of a copy is at the beginning."""

_DUPLICATE = re.compile(
    r"^[^\w\n]*(?:this (?:model|repo(?:sitory)?) (?:is|was) )?duplicat(?:e|ed|ing)\s+(?:from|of)\s*:?\s+"
    r"(?:(?:model|repo|repository)\s+)?(?P<name>\S+)(?P<rest>.*)$",
    re.IGNORECASE | re.MULTILINE,
)


def duplicate_source(title: str, message: str = "") -> WrittenName | None:
    """Find the repository of which a first commit says that it is a copy; None where it does not say so.

    The Hub's own duplication writes `Duplicate from ORG/NAME` as title. People write it as link and in other tenses.
    """
    match = _DUPLICATE.search(f"{title[:MAX_TEXT]}\n{message[:MAX_TEXT]}")
    if match is None:
        return None
    text = match["name"].strip("*_`'\"()<>[]").rstrip(".,;:!")
    link = re.match(r"([^\]]+)\]\(", text)
    written = read_name(link[1] if link else text)
    if written.name is not None and "/" not in written.name and match["rest"].strip():
        return None  # `Duplicate of another model`: a sentence, no repository
    return written


def duplicate_evidence(child: ChildFacts) -> Iterator[Evidence]:
    """Find of which repository the child began as a copy.

    It says nothing of what was pushed since then, so that any other evidence on the relation goes before this one.
    """
    first = child.first_commit
    source = duplicate_source(first.title, first.message) if first else None
    if first is None or source is None:
        return
    key, problem = child.resolve(source.name, source.problem)
    known = child.resolved.get(source.name or "")
    yield make_evidence(
        rule="history.duplicate",
        child=child.key,
        parent=key,
        supports=True if key else None,
        value=verbatim(first.title),
        pointer=Pointer(model=child.key, revision=first.commit, field="title"),
        method="duplicate",
        parent_revision=commit_of(source.revision) or (known.at_first_commit if known else None),
        child_revision=child.head,
        unresolvable=problem,
    )


def date_evidence(child: ChildFacts, parents: Iterable[str]) -> Iterator[Evidence]:
    """Compare when parent and child were created: a parent is not younger than its child's first weights.

    The finding is against a younger parent, and never for an older one. A repository may have been created again or
    its history rewritten, so that this is evidence and not a proof.
    """
    begun = child.first_weights or (child.first_commit.date if child.first_commit else None)
    if begun is None:
        return
    created = {known.key: known.created for known in child.resolved.values() if known.key and known.created}
    for key in sorted(parents):
        date = created.get(key)
        if date is None or date == FIRST_CREATION_DATE or key == child.key:
            continue
        yield make_evidence(
            rule="history.dates",
            child=child.key,
            parent=key,
            supports=False if date > begun else None,
            value=f"parent {_written(date)}, child {_written(begun)}",
            pointer=Pointer(model=child.key, revision=child.head, field="date"),
            child_revision=child.head,
        )


def _written(date: datetime) -> str:
    """Write a moment to the second, in UTC."""
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
