"""The licence in the answer of `diff`: real repositories whose cards and LICENSE files change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lineage.answers.diff import diff
from lineage.answers.session import Session
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.diff import DiffAnswer, LicenceDiff
from lineage_schemas.export import json_schema
from tests.support.bare_repository import BareRepository
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

WEIGHTS = safetensors_bytes({"norm.weight": ("F32", (1,), bytes(4))})


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a Hub with one repository."""
    made = BareRepository(tmp_path / "hub" / "a" / "b.git")
    made.commit({"model.safetensors": WEIGHTS})
    return made


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a session on that Hub."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as opened:
        yield opened


def card(**fields: Any) -> dict[str, bytes]:
    """Write a card; JSON is YAML."""
    return {"README.md": f"---\n{json.dumps(fields)}\n---\nText\n".encode()}


def compared(
    repository: BareRepository, session: Session, before: dict[str, bytes], after: dict[str, bytes]
) -> tuple[DiffAnswer, LicenceDiff | None]:
    """Commit two states and compare them."""
    first, second = repository.commit(before), repository.commit(after)
    answer = diff(session, f"a/b@{first}", f"a/b@{second}")
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("diff.v1"))
    return answer, answer.licences


def written(answer: DiffAnswer) -> str:
    """Write the answer as the table's plain text."""
    return plain(render(answer, "table"))  # type: ignore[arg-type]  # a document, because of the format


def test_a_licence_that_narrows(repository: BareRepository, session: Session) -> None:
    """The answer has both declarations, the relation, the terms that differ and the field; the texts show them."""
    answer, found = compared(repository, session, card(license="apache-2.0"), card(license="cc-by-nc-4.0"))
    assert found is not None
    assert (found.before, found.after, found.relation) == ("apache-2.0", "cc-by-nc-4.0", "narrower")
    assert [(term.term, term.before, term.after) for term in found.terms] == [("commercial_use", "yes", "no")]
    assert (found.pointer.file, found.pointer.field) == ("README.md", "license")
    assert found.pointer.revision == answer.b.revision
    assert "card.license" in {facet.name for facet in answer.facets}
    text = written(answer)
    assert "licence: apache-2.0 → cc-by-nc-4.0 · narrower · permits less or demands more\n" in text
    assert "  commercial use  yes → no\n" in text
    assert "`apache-2.0` → `cc-by-nc-4.0`: **narrower**" in render(answer, "markdown")


def test_a_name_of_a_licence_that_changes(repository: BareRepository, session: Session) -> None:
    """`other` stays, but its name does not: the licences behind the names are compared."""
    _, found = compared(
        repository, session,
        card(license="other", license_name="qwen-research", license_link="LICENSE"),
        card(license="other", license_name="qwen", license_link="LICENSE"),
    )  # fmt: skip
    assert found is not None
    assert (found.before, found.after, found.relation) == ("qwen-research", "qwen", "other")
    assert found.pointer.field == "license_name"


def test_a_licence_that_is_not_known(repository: BareRepository, session: Session) -> None:
    """An own licence is shown as written, the relation is unknown, and the reason names it."""
    answer, found = compared(
        repository,
        session,
        card(license="mit"),
        card(license="other", license_name="own-licence", license_link="LICENSE"),
    )
    assert found is not None
    assert (found.after, found.relation, found.terms) == ("own-licence", "unknown", ())
    assert found.reason == "“own-licence” is not in the table of licences"
    assert f"licence: mit → own-licence · unknown · {found.reason}\n" in written(answer)


@pytest.mark.parametrize(("before", "after"), [({}, {"license": "mit"}), ({"license": "mit"}, {})])
def test_a_licence_that_comes_or_goes(
    repository: BareRepository, session: Session, before: dict[str, str], after: dict[str, str]
) -> None:
    """A card without a licence declares nothing; what that permits is unknown."""
    answer, found = compared(repository, session, card(**before, tags=["x"]), card(**after, tags=["x"]))
    assert found is not None
    assert (found.before, found.after) == (before.get("license"), after.get("license"))
    assert (found.relation, found.reason) == ("unknown", "no licence is declared")
    assert found.pointer.revision == (answer.b if after else answer.a).revision
    assert "(none declared)" in written(answer)


def test_the_same_licence_in_another_spelling(repository: BareRepository, session: Session) -> None:
    """Another spelling of the licence is a difference of the card, with the same terms."""
    _, found = compared(repository, session, card(license="apache-2.0"), card(license="Apache License 2.0"))
    assert found is not None
    assert (found.relation, found.terms, found.reason) == ("same", (), None)


def test_nothing_is_shown_without_a_difference(repository: BareRepository, session: Session) -> None:
    """Equal declarations are no facet, and a LICENSE file that is added to a known licence is none either."""
    answer, found = compared(
        repository, session, card(license="mit", tags=["x"]), card(license="mit") | {"LICENSE": b"MIT License"}
    )
    assert found is None
    assert "licence:" not in written(answer)


@pytest.mark.parametrize(
    ("declared", "before", "after"),
    [
        ({"license": "apache-2.0"}, {"LICENSE": b"Apache License"}, {"LICENSE": b"Llama Licence"}),
        ({"license": "other", "license_name": "own"}, {"LICENSE.md": b"one"}, {"LICENSE.md": b"two"}),
        ({"license": "other"}, {}, {"LICENSE.txt": b"one"}),
        ({}, {}, {"COPYING": b"one"}),
    ],
)
def test_a_licence_text_that_changes_alone(
    repository: BareRepository,
    session: Session,
    declared: dict[str, str],
    before: dict[str, bytes],
    after: dict[str, bytes],
) -> None:
    """The card says the same, but the file with the licence's text does not: it is unknown what changed."""
    _, found = compared(repository, session, card(**declared) | before, card(**declared) | after)
    assert found is not None
    assert found.relation == "unknown"
    assert found.pointer.file == next(iter(after))
    assert found.reason
    assert next(iter(after)) in found.reason


def test_an_unreadable_card_leaves_the_licence_out(repository: BareRepository, session: Session) -> None:
    """Where a card cannot be read, the answer says so under unchecked and makes no claim about the licence."""
    answer, found = compared(repository, session, card(license="mit"), {"README.md": b"---\nlicense: [\n---\nText\n"})
    assert found is None
    assert any(item.what.startswith("README.md") for item in answer.unchecked)


@pytest.mark.parametrize("value", [3, True, {"a": 1}, ["mit", ["x"]], "mit OR " * 9_000 + "mit", "\\ud800"])
def test_hostile_declarations_are_shown_bounded(repository: BareRepository, session: Session, value: Any) -> None:
    """A declaration that is not a text, or a huge one, is unknown, and the answer stays small and printable."""
    answer, found = compared(repository, session, card(license="mit"), card(license=value))
    assert found is not None
    assert found.relation == "unknown"
    assert len(found.model_dump_json()) < 2_000
    assert written(answer)
