"""`check` on repositories with misleading dates, branches, indexes or storage, made with the real git."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.session import Session
from lineage_schemas.answers.check import CheckAnswer
from tests.support.bare_repository import AN_HOUR, BareRepository
from tests.support.weight_files import safetensors_bytes

MODEL = "org/name"
YEAR = 365 * 24 * AN_HOUR


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make an empty repository on a directory Hub."""
    return BareRepository(tmp_path / "hub" / f"{MODEL}.git")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open that Hub with an empty store."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url=f"sqlite:///{tmp_path}/lineage.db") as opened:
        yield opened


def weights(seed: int) -> bytes:
    """Make four tensors of random bytes."""
    chance = random.Random(seed)
    return safetensors_bytes({f"layers.{n}.weight": ("BF16", (4, 8), chance.randbytes(64)) for n in range(4)})


def one(session: Session, target: str = MODEL, since: str | None = None) -> CheckAnswer:
    """Check one model."""
    answer = check(session, [target], since=since)
    assert isinstance(answer, CheckAnswer)
    return answer


def told(answer: CheckAnswer) -> list[tuple[str, str | None]]:
    """List kind and verdict of each change."""
    return [(change.kind, change.verdict) for change in answer.weight_changes]


def test_a_backdated_replacement_is_found(repository: BareRepository, session: Session) -> None:
    """A silent replacement that is dated before the announced one is not hidden in the push of the latter."""
    repository.commit({"model.safetensors": weights(1)})
    repository.commit({"model.safetensors": weights(2)}, "Version 2")
    repository.commit({"model.safetensors": weights(3)}, later=-9 * 24 * AN_HOUR)
    answer = one(session)
    assert told(answer) == [("first_upload", None), ("retrained", "versioned"), ("retrained", "silent")]
    assert answer.verdict == "findings"


def test_since_a_date_names_weights_that_dates_hide(repository: BareRepository, session: Session) -> None:
    """A backdated replacement at the head is outside every range of dates: unchecked, with the deciding command."""
    repository.commit({"model.safetensors": weights(1)})
    before = repository.commit({"README.md": b"text"})
    repository.commit({"model.safetensors": weights(2)}, later=-YEAR)
    answer = one(session, since="2030-01-01")
    assert (answer.verdict, answer.weight_changes) == ("unchecked", ())
    assert [item.what for item in answer.unchecked] == ["--since 2030-01-01"]
    assert answer.unchecked[0].decide_with == f"lineage check {MODEL} --since {before}"
    assert told(one(session, since=before)) == [("retrained", "silent")]
