"""Branches that are versions and cards that name a successor, as signals of changes, each with its pointer."""

from __future__ import annotations

import random

from lineage.answers.collect import collect
from lineage.answers.history import history
from lineage.answers.session import Session
from lineage_schemas.version_signal import VersionSignal
from tests.support.bare_repository import BareRepository
from tests.support.readings import MODEL
from tests.support.weight_files import safetensors_bytes


def weights(seed: int) -> bytes:
    """Make one matrix."""
    return safetensors_bytes({"layers.0.weight": ("F32", (4, 4), random.Random(seed).randbytes(64))})


def read(session: Session, target: str = MODEL) -> list[tuple[str | None, tuple[VersionSignal, ...]]]:
    """Read the verdict and the signals of each change that counts."""
    rows = history(session, target).lines[0].rows or ()
    return [(row.verdict, row.signals) for row in rows if row.kind == "retrained"]


def test_a_branch_with_a_version_announces_the_change_that_it_was_made_at(
    repository: BareRepository, session: Session
) -> None:
    """`v1.1` made after new weights announces them, on the default branch; `fp16` and `dev` announce nothing."""
    repository.commit({"model.safetensors": weights(1)})
    second = repository.commit({"model.safetensors": weights(2)})
    for name in ("v1.1", "fp16", "dev"):
        repository.git("update-ref", f"refs/heads/{name}", second)
    repository.commit({"model.safetensors": weights(3)})
    (announced, silent) = read(session)
    assert announced[0] == "versioned"
    (signal,) = announced[1]
    assert (signal.kind, signal.value, signal.revision) == ("branch", "v1.1", second)
    assert signal.pointer is not None
    assert signal.pointer.field == "refs/heads/v1.1"
    assert silent == ("silent", ())


def test_a_branch_that_moves_on_announces_nothing_more(repository: BareRepository, session: Session) -> None:
    """New weights on the branch `v1.1` itself are silent, and so are those of the default branch that it moves to."""
    repository.commit({"model.safetensors": weights(1)})
    second = repository.commit({"model.safetensors": weights(2)})
    repository.git("update-ref", "refs/heads/v1.1", second)
    collect(session, [MODEL])
    third = repository.commit({"model.safetensors": weights(3)})
    repository.git("update-ref", "refs/heads/v1.1", third)
    assert [verdict for verdict, _ in read(session)] == ["versioned", "silent"]
    assert [verdict for verdict, _ in read(session, f"{MODEL}@v1.1")] == ["silent", "silent"]


def test_a_card_that_names_a_successor_announces_nothing_here(repository: BareRepository, session: Session) -> None:
    """`new_version` is listed with its pointer; the weights that were replaced here are silent all the same."""
    repository.commit({"model.safetensors": weights(1), "README.md": b"---\nlicense: mit\n---\n"})
    files = {"model.safetensors": weights(2), "README.md": b"---\nlicense: mit\nnew_version: org/next\n---\n"}
    commit = repository.commit(files)
    ((verdict, (signal,)),) = read(session)
    assert (verdict, signal.kind, signal.value) == ("silent", "new_version", "new_version: org/next")
    assert signal.pointer is not None
    assert (signal.pointer.revision, signal.pointer.file, signal.pointer.field) == (commit, "README.md", "new_version")
