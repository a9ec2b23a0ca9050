"""What `verify` says of weights that differ: a cast, another revision of the model, a folder that was collected."""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.answers.verify import verify
from lineage.collect.budget import ReadBudget
from lineage.report.render import render
from lineage.report.text import plain
from tests.support.bare_repository import BareRepository
from tests.support.range_hub import RangeHub
from tests.support.readings import BOTH_KINDS, MODEL, served
from tests.support.weight_files import safetensors_bytes


def numbers(seed: int) -> list[float]:
    """Make values that BF16 does not hold exactly."""
    chance = random.Random(seed)
    return [chance.uniform(-1, 1) for _ in range(32)]


def wide(seed: int) -> bytes:
    """Write two F32 tensors."""
    return safetensors_bytes(
        {f"layers.{n}.weight": ("F32", (4, 8), struct.pack("<32f", *numbers(seed + n))) for n in range(2)}
    )


def narrow(seed: int) -> bytes:
    """Write the same tensors as F16, rounded to nearest even."""
    return safetensors_bytes(
        {f"layers.{n}.weight": ("F16", (4, 8), struct.pack("<32e", *numbers(seed + n))) for n in range(2)}
    )


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a model on a directory Hub whose weights were replaced once."""
    made = BareRepository(tmp_path / "hub" / f"{MODEL}.git")
    made.commit({"model.safetensors": wide(1), "config.json": b"{}"}, "First")
    made.commit({"model.safetensors": wide(11)}, "Second")
    made.commit({"README.md": b"text"}, "Third")
    return made


@pytest.fixture(params=BOTH_KINDS)
def session(request: pytest.FixtureRequest, repository: BareRepository, tmp_path: Path) -> Iterator[Session]:
    """Open the directory Hub, or a Hub that serves the same repository."""
    with served(request.param, repository, tmp_path) as how, Session(**how) as opened:
        yield opened


@pytest.mark.parametrize("alone", [False, True], ids=["folder", "file"])
def test_a_cast_is_called_a_cast(session: Session, mine: Path, alone: bool) -> None:
    """The same values at another precision are different files, and the summary says what they are."""
    (mine / "model.safetensors").write_bytes(narrow(11))
    answer = verify(session, str(mine / "model.safetensors" if alone else mine), against=MODEL)
    assert answer.verdict == "different"
    assert answer.summary == "a cast: all 2 tensors have the same values, rounded; dtype F32 → F16"


def test_other_values_of_another_type_are_no_cast(session: Session, mine: Path) -> None:
    """Another type with other values stays a difference in all tensors."""
    (mine / "model.safetensors").write_bytes(narrow(21))
    answer = verify(session, str(mine), against=MODEL)
    assert answer.verdict == "different"
    assert answer.summary == "all 2 tensors differ; dtype F32 → F16"


def test_a_cast_that_was_not_compared_says_so(mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If only headers of a remote model were read, the types differ, and the values are not known to."""
    folder = tmp_path / "ranges" / MODEL
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(wide(1))
    (mine / "model.safetensors").write_bytes(narrow(1))
    monkeypatch.setattr(ReadBudget, "level_for", lambda self, size: self.least)
    with Session(store_url="memory:") as session:
        session.__dict__["hub"] = session.keep(RangeHub(tmp_path / "ranges"))
        answer = verify(session, str(mine), against=MODEL)
    assert answer.verdict == "different"
    expected = "all 2 tensors have another dtype, and their values were not compared; dtype F32 → F16"
    assert answer.summary == expected


@pytest.mark.parametrize("collected", [False, True], ids=["history", "store"])
def test_another_revision_of_the_same_model_is_named(
    session: Session, repository: BareRepository, mine: Path, collected: bool
) -> None:
    """Weights of an earlier commit differ from the head, and the answer names the commit that has them."""
    (mine / "model.safetensors").write_bytes(wide(1))
    if collected:
        collect(session, [MODEL])
    answer = verify(session, str(mine), against=MODEL)
    assert answer.verdict == "different"
    assert [(match.model, match.revision, match.by) for match in answer.matches] == [
        (MODEL, repository.git("rev-parse", "HEAD~2"), "files")
    ]
    text = render(answer, "table")
    assert not isinstance(text, str)
    assert "The model has these weights in another revision:\n  org/name@" in plain(text)
    same = verify(session, str(mine), against=f"{MODEL}@{repository.git('rev-parse', 'HEAD~2')}")
    assert (same.verdict, same.matches) == ("equal", ())


def test_a_later_revision_is_named_too(session: Session, repository: BareRepository, mine: Path) -> None:
    """Compared with an old commit, the weights of the head are found in the newest commit that changed them."""
    (mine / "model.safetensors").write_bytes(wide(11))
    answer = verify(session, str(mine), against=f"{MODEL}@{repository.git('rev-parse', 'HEAD~2')}")
    assert [match.revision for match in answer.matches] == [repository.git("rev-parse", "HEAD~1")]


def test_weights_of_no_revision_have_no_match(session: Session, mine: Path) -> None:
    """Weights that the model never had are different without a match."""
    (mine / "model.safetensors").write_bytes(wide(31))
    assert verify(session, str(mine), against=MODEL).matches == ()


def test_collected_folders_are_mentioned_and_are_no_origin(session: Session, mine: Path, tmp_path: Path) -> None:
    """A folder with the same weights that was collected is named; the verdict does not depend on it."""
    (mine / "model.safetensors").write_bytes(wide(31))
    copy = tmp_path / "copy"
    shutil.copytree(mine, copy)
    collect(session, [str(mine)])
    answer = verify(session, str(copy))
    assert (answer.verdict, answer.matches) == ("unchecked", ())
    assert ["dir-mine-" in note for note in answer.notes] == [True]
    assert "of a model on a Hub" in answer.unchecked[0].reason
    assert verify(session, str(mine)).notes == (), "the folder itself says nothing"
    collect(session, [MODEL])
    assert verify(session, str(copy)).verdict == "not_known"
    (copy / "model.safetensors").write_bytes(wide(11))
    known = verify(session, str(copy))
    assert (known.verdict, known.notes) == ("known", ())
