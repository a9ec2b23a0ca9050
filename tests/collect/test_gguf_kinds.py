"""GGUF files that hold no model: calibration data, projectors and adapters, known by name and by header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.fingerprint import fingerprint
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage_schemas.answers.check import CheckAnswer
from tests.support.bare_repository import BareRepository
from tests.support.weight_files import gguf_bytes, gguf_text, safetensors_bytes

pytestmark = pytest.mark.slow

F16, Q8_0 = 1, 7
"""Values of `general.file_type`."""


def gguf(kind: str | None, content: int, file_type: int | None = None, architecture: str | None = None) -> bytes:
    """Write a file of a kind with one tensor."""
    entries = [] if kind is None else [("general.type", 8, gguf_text(kind))]
    entries += [] if architecture is None else [("general.architecture", 8, gguf_text(architecture))]
    entries += [] if file_type is None else [("general.file_type", 4, struct.pack("<I", file_type))]
    return gguf_bytes(entries, [("blk.0.attn_q.weight", (32,), 8, bytes([content]) * 34)])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Open a session on an empty directory Hub."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as opened:
        yield opened


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a model on that Hub."""
    return BareRepository(tmp_path / "hub" / "org" / "model.git")


def kinds(session: Session) -> list[str]:
    """Check the model and give the kinds of its changes after the first."""
    answer = check(session, ["org/model"])
    assert isinstance(answer, CheckAnswer)
    assert answer.unchecked == ()
    return [change.kind for change in answer.weight_changes[1:]]


@pytest.mark.parametrize("name", ["Model-imatrix.gguf", "Model.imatrix.gguf", "imatrix.gguf", "imatrix.dat"])
def test_other_calibration_data_change_no_weights(session: Session, repository: BareRepository, name: str) -> None:
    """A file that its name calls calibration data is not a weight file: its replacement changes nothing."""
    repository.commit({"Model.Q8_0.gguf": gguf("model", 1, Q8_0), name: gguf("imatrix", 2)})
    repository.commit({name: gguf("imatrix", 3)})
    assert kinds(session) == []
    assert [group.group for group in fingerprint(session, "org/model").groups] == ["Model.Q8_0.gguf"]


def test_calibration_data_under_any_name_are_known_by_their_header(
    session: Session, repository: BareRepository
) -> None:
    """Where the name does not decide the header does: the file is not a group, and its replacement does not count."""
    repository.commit({"Model.Q8_0.gguf": gguf("model", 1, Q8_0), "Activations.gguf": gguf("imatrix", 2)})
    repository.commit({"Activations.gguf": gguf("imatrix", 3)})
    assert kinds(session) == ["reserialised"]
    assert [(group.group, group.main) for group in fingerprint(session, "org/model").groups] == [
        ("Model.Q8_0.gguf", True)
    ]


def test_a_model_quantised_with_an_imatrix_stays_a_model(session: Session, repository: BareRepository) -> None:
    """`imatrix` beside a quantisation in a name may be how the model was made: its replacement is found."""
    repository.commit({"Model-Q8_0-imatrix.gguf": gguf("model", 1, Q8_0)})
    repository.commit({"Model-Q8_0-imatrix.gguf": gguf("model", 2, Q8_0)})
    assert kinds(session) == ["retrained"]


@pytest.mark.parametrize("kind", ["model", None, "imatrix"])
@pytest.mark.parametrize("beside", [{}, {"Model-Q8_0.gguf": gguf("model", 9, Q8_0)}])
@pytest.mark.parametrize("name", ["Model-imatrix.gguf", "Model-f16-imatrix.gguf", "imatrix.gguf"])
def test_a_model_under_the_name_of_calibration_data_is_a_model(
    session: Session, repository: BareRepository, name: str, beside: dict[str, bytes], kind: str | None
) -> None:
    """A header with an architecture is that of a model, whatever the file is called or its type says."""
    repository.commit({name: gguf(kind, 1, architecture="llama"), **beside})
    repository.commit({name: gguf(kind, 2, architecture="llama")})
    assert kinds(session) == ["retrained"]
    assert {group.group for group in fingerprint(session, "org/model").groups} == {name, *beside}


@pytest.mark.parametrize("architecture", [None, "llama"])
def test_a_quantisation_labelled_as_calibration_data_is_compared(
    session: Session, repository: BareRepository, architecture: str | None
) -> None:
    """A file that is named as a quantisation is weights, even if its header declares another type."""
    repository.commit({"Model-Q8_0.gguf": gguf("imatrix", 1, architecture=architecture)})
    repository.commit({"Model-Q8_0.gguf": gguf("imatrix", 2, architecture=architecture)})
    assert kinds(session) == ["retrained"]
    assert [group.group for group in fingerprint(session, "org/model").groups] == ["Model-Q8_0.gguf"]


@pytest.mark.parametrize("name", ["model.ort", "Model-imatrix.gguf", "README.md"])
def test_a_model_without_a_known_weight_file_is_not_clean(
    session: Session, repository: BareRepository, name: str
) -> None:
    """Where no weight file is known nothing can be said of the weights: unchecked."""
    repository.commit({name: b"one" * 1_000})
    repository.commit({name: b"two" * 1_000})
    answer = check(session, ["org/model"])
    assert isinstance(answer, CheckAnswer)
    assert (answer.verdict, len(answer.unchecked)) == ("unchecked", 1)
    assert "no weight file is known on main" in answer.unchecked[0].reason


def test_a_projector_is_not_the_model(session: Session, repository: BareRepository) -> None:
    """A projector under a model's name is not main; it holds parameters for use, so that its replacement counts."""
    repository.commit({"A-Q8_0.gguf": gguf("mmproj", 1), "b-Q8_0.gguf": gguf("model", 2, Q8_0)})
    repository.commit({"A-Q8_0.gguf": gguf("mmproj", 3)})
    assert kinds(session) == ["retrained"]
    assert [(group.group, group.main) for group in fingerprint(session, "org/model").groups] == [
        ("b-Q8_0.gguf", True), ("A-Q8_0.gguf", False),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), [("m-imatrix.gguf", "imatrix"), ("a.gguf", "imatrix"), ("b.gguf", "mmproj")])
def test_what_accompanies_a_model_is_no_evidence_of_quantisation(
    session: Session, repository: BareRepository, name: str, kind: str
) -> None:
    """A model converted to F16 beside a file without a file type is a conversion, by its own header."""
    base = BareRepository(repository.git_dir.parent / "base.git")
    base.commit({"model.safetensors": safetensors_bytes({"a": ("BF16", (2,), bytes(4))})})
    card = b"---\nbase_model: org/base\n---\n"
    entries = [("general.type", 8, gguf_text("model")), ("general.file_type", 4, struct.pack("<I", F16))]
    model = gguf_bytes(entries, [("blk.0.attn_q.weight", (32,), 1, bytes(64))])
    repository.commit({"m-F16.gguf": model, name: gguf(kind, 2), "README.md": card})
    edge = trace(session, "org/model").derivations[0]
    assert (edge.relation, edge.method) == (None, "conversion")
    assert {item.pointer.file for item in edge.evidence} == {"README.md", "m-F16.gguf"}
