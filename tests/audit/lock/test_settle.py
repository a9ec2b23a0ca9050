"""What is locked of a commit and what is seen of it now: unknown is not no."""

from __future__ import annotations

import pytest

from lineage.audit.lock.compare import compare
from lineage.audit.lock.settle import settled
from lineage_schemas.derivation import Status
from lineage_schemas.lock import Lock, LockedModel, LockedParent

COMMIT, OTHER = "a" * 40, "b" * 40
SHA256 = "sha256:" + "c" * 64


def model(**fields: object) -> LockedModel:
    """Make an entry whose fields are all known, unless the arguments say otherwise."""
    known: dict[str, object] = {
        "id": "org/a", "commit": COMMIT, "files_digest": "files.v1:1", "weights_digest": "weights.v1:1",
        "licence": "mit", "files": {"model.safetensors": SHA256},
        "parents": (LockedParent(id=f"lab/base@{OTHER}", relation="finetune", status="confirmed"),),
    }  # fmt: skip
    return LockedModel.model_validate(known | fields)


def parent(status: Status, commit: str | None = OTHER) -> tuple[LockedParent, ...]:
    return (LockedParent(id=f"lab/base@{commit}" if commit else "lab/base", relation="finetune", status=status),)


@pytest.mark.parametrize(
    "seen",
    [
        {"weights_digest": None},
        {"files": {}, "files_digest": None, "parents": (), "incomplete": "gated"},
        {"files": {"model.safetensors": "unknown"}},
        {"licence": None},
        {"parents": parent("declared", None)},
        {"parents": parent("confirmed", None)},
    ],
)
def test_what_is_not_seen_stays_as_it_was_locked(seen: dict[str, object]) -> None:
    """A digest, files, a licence or a measured parent that this machine does not know changes nothing."""
    assert settled(model(), model(**seen)) == model()


@pytest.mark.parametrize(
    "seen",
    [
        {"weights_digest": "weights.v1:2"},
        {"files": {"model.safetensors": "sha256:" + "d" * 64}},
        {"files": {"model.safetensors": SHA256, "more.bin": SHA256}},
        {"licence": "apache-2.0"},
        {"parents": parent("contradicted")},
        {"parents": ()},
        {"parents": parent("confirmed", COMMIT)},
    ],
)
def test_what_is_seen_and_differs_counts(seen: dict[str, object]) -> None:
    """Another digest, hash, licence or status, a further file and a missing declared parent are differences."""
    found = settled(model(), model(**seen))
    assert found == model(**seen)
    assert compare(Lock(model=(model(),)), Lock(model=(found,)))


def test_a_parent_that_only_a_larger_store_finds_stays() -> None:
    """A measured parent that nothing declares is found only beside the models of a store: a smaller one keeps it."""
    locked = model(parents=parent("inferred"))
    assert settled(locked, model(parents=())) == locked


def test_another_commit_keeps_nothing() -> None:
    """The entry of another commit is taken as it is seen."""
    now = model(commit=OTHER, weights_digest=None, licence=None)
    assert settled(model(), now) == now
    assert settled(model(commit=None), now) == now


def test_what_was_not_seen_is_filled() -> None:
    """With access, the entry of a model that was gated becomes whole."""
    locked = model(incomplete="gated", weights_digest=None, parents=())
    assert settled(locked, model()) == model()
