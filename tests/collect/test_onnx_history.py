"""Replaced data of ONNX models, under names that look like no weights, along a history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.history import history
from lineage.answers.session import Session
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.level import Level
from tests.support import hub_faults
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.onnx_files import model, tensor
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

DATA = "7f3a91c2"
"""A name without a meaning."""


def pointing(*locations: str) -> bytes:
    """Write an .onnx file whose tensors lie at these locations."""
    return model([tensor(f"t{number}", location=location) for number, location in enumerate(locations)])


def content(seed: int) -> bytes:
    """Write the content of a data file."""
    return bytes([seed]) * 3_000


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a model on a directory Hub."""
    return BareRepository(tmp_path / "hub" / "org" / "model.git")


@pytest.fixture
def local(tmp_path: Path, repository: BareRepository) -> Iterator[Session]:
    """Open a session on that Hub."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as opened:
        yield opened


@pytest.fixture
def server(repository: BareRepository) -> Iterator[HubServer]:
    """Serve the model over HTTP."""
    with HubServer() as started:
        started.add("org/model", repository.git_dir)
        yield started


def asked(session: Session, level: Level | None = None) -> CheckAnswer:
    """Check the model."""
    answer = check(session, ["org/model"], level=level)
    assert isinstance(answer, CheckAnswer)
    return answer


def kinds(answer: CheckAnswer) -> list[tuple[str, str | None]]:
    """Give the kinds and verdicts of the changes after the first upload."""
    return [(change.kind, change.verdict) for change in answer.weight_changes[1:]]


@pytest.mark.parametrize(
    "name",
    [DATA, "model.data", "weights.pb", "onnx__MatMul_9335", "sub/encoder.mlp.bias", "weights.model", "layer.txt",
     "tokenizer.data", "decoder.zip", "tensors.json"],
)  # fmt: skip
def test_replaced_data_are_a_silent_replacement(local: Session, repository: BareRepository, name: str) -> None:
    """What the .onnx file names for its tensors is weights: replacing it alone is found, whatever it is called."""
    repository.commit({"onnx/model.onnx": pointing(name), f"onnx/{name}": content(1), "config.json": b"{}"})
    repository.commit({f"onnx/{name}": content(2)})
    answer = asked(local)
    assert kinds(answer) == [("replaced", "silent")]
    assert answer.findings[0].pointer.file == f"onnx/{name}"


def test_an_onnx_file_in_capitals_names_its_data(local: Session, repository: BareRepository) -> None:
    """The suffix of an .onnx file may be written in capitals."""
    repository.commit({"MODEL.ONNX": pointing(DATA), DATA: content(1)})
    repository.commit({DATA: content(2)})
    assert kinds(asked(local)) == [("replaced", "silent")]


@pytest.mark.parametrize("name", ["weights.model", "../parts"])
def test_a_remote_onnx_file_may_call_its_data_anything(
    server: HubServer, repository: BareRepository, tmp_path: Path, name: str
) -> None:
    """On a remote Hub data with the name of another kind, or outside the folder, are not a clean answer either."""
    data = name.removeprefix("../") if name.startswith("..") else f"onnx/{name}"
    repository.commit({"onnx/model.onnx": pointing(name), data: content(1)})
    repository.commit({data: content(2)})
    with Session(settings=server.settings(tmp_path), store_url="memory:") as session:
        assert asked(session).verdict == ("unchecked" if name.startswith("..") else "findings")


@pytest.mark.parametrize("location", ["../parts", "../data/parts", "..\\parts"])
def test_data_outside_the_folder_are_unchecked(local: Session, repository: BareRepository, location: str) -> None:
    """Loaders refuse data outside the folder of the .onnx file: whether the model changed is not known."""
    data = location.replace("\\", "/").removeprefix("../")
    repository.commit({"onnx/model.onnx": pointing(location), data: content(1)})
    repository.commit({data: content(2)})
    answer = asked(local)
    assert (kinds(answer), answer.verdict) == ([("unknown", None)], "unchecked")
    assert "outside its folder" in answer.unchecked[0].reason


def test_a_remote_onnx_file_is_read_for_the_names_of_its_data(
    server: HubServer, repository: BareRepository, tmp_path: Path
) -> None:
    """On a remote Hub the .onnx file costs a request where an unknown file lies beside it, and decides."""
    repository.commit({"model.onnx": pointing(DATA), DATA: content(1), "README.md": b"x" * 2_000})
    repository.commit({DATA: content(2)})
    with Session(settings=server.settings(tmp_path), store_url="memory:") as session:
        assert kinds(asked(session)) == [("replaced", "silent")]


def test_a_file_that_the_model_does_not_name_is_no_change(local: Session, repository: BareRepository) -> None:
    """An unknown file beside a model whose tensors lie elsewhere or inside may change without any change of weights."""
    repository.commit({"model.onnx": model([tensor("a", b"1234")]), "lexicon.dat": content(1)})
    repository.commit({"lexicon.dat": content(2)})
    answer = asked(local)
    assert (kinds(answer), answer.verdict) == ([], "clean")


def test_data_of_an_unread_model_are_unchecked(server: HubServer, repository: BareRepository, tmp_path: Path) -> None:
    """Where the .onnx file cannot be read its possible data are neither a finding nor clean, and a command decides."""
    repository.commit({"model.onnx": pointing(DATA), DATA: content(1), "notes": content(1)})
    repository.commit({"notes": content(2)})
    server.fault("*model.onnx", hub_faults.refused(404, "EntryNotFound"))
    with Session(settings=server.settings(tmp_path), store_url="memory:") as session:
        answer = asked(session)
        assert (kinds(answer), answer.verdict) == ([("unknown", None)], "unchecked")
        assert "notes holds tensors of model.onnx" in answer.unchecked[0].what
        assert answer.unchecked[0].decide_with == "lineage check org/model --level full"
        assert history(session, "org/model").unchecked
        server.mend()
        answer = asked(session, "full")
    assert (kinds(answer), answer.verdict) == ([], "clean")


@pytest.mark.parametrize("name", [DATA, "decoder.npz", "decoder.model", "w.txt"])
def test_data_of_a_model_that_is_not_downloaded_are_unchecked(
    local: Session, repository: BareRepository, name: str
) -> None:
    """A clone without its LFS objects knows names only: no clean answer, and no command that would not help."""
    repository.commit({"model.onnx": pointing(name), name: content(1)})
    repository.commit({name: content(2)})
    for kept in (repository.git_dir / "lfs").rglob("*"):
        if kept.is_file():
            kept.unlink()
    answer = asked(local)
    assert (kinds(answer), answer.verdict) == ([("unknown", None)], "unchecked")
    assert answer.unchecked[0].decide_with is None


def test_numbered_shards_become_one_file(local: Session, repository: BareRepository) -> None:
    """Shards without a total, put together into one file, are the same weights in other files, by their headers too."""
    tensors = {name: ("U8", (2,), name.encode() * 2) for name in "abc"}
    parts = {f"weights-{n}.safetensors": safetensors_bytes({name: tensors[name]}) for n, name in enumerate("abc", 1)}
    repository.commit(parts)
    repository.commit({**dict.fromkeys(parts), "model.safetensors": safetensors_bytes(tensors)})
    answer = asked(local)
    assert (kinds(answer), answer.verdict) == ([("reserialised", None)], "clean")


def test_numbered_models_are_changes_of_their_own(local: Session, repository: BareRepository) -> None:
    """Checkpoints under numbers share their tensors: one more is an addition, and one replaced is reported alone."""

    def checkpoint(seed: int) -> bytes:
        return safetensors_bytes({"a": ("U8", (1,), bytes([seed])), "b": ("U8", (1,), bytes([seed + 1]))})

    repository.commit({f"model.{n}.safetensors": checkpoint(n) for n in range(2)})
    repository.commit({"model.2.safetensors": checkpoint(7)})
    repository.commit({"model.1.safetensors": checkpoint(9)})
    answer = asked(local)
    assert kinds(answer) == [("component_added", None), ("retrained", "silent")]
    assert [group.group for group in answer.weight_changes[2].groups] == ["model.1.safetensors"]
