"""Questions about a remote model that are answered from the store, without any request to the Hub."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.diff import diff
from lineage.answers.session import Session
from lineage.answers.verify import verify
from lineage.errors import HubUnreachableError, RevisionNotFoundError
from lineage_schemas.level import Level
from tests.support.hub_server import HubServer
from tests.support.repositories import zoo_hub
from tests.support.weight_files import read_safetensors, safetensors_bytes, write_shards

MODEL = "skiffworks/skiff-0.7m"

REVISED = "heronml/heron-gpt2-tiny-licences"


@pytest.fixture(scope="module")
def hub(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """Serve the models of the small zoo."""
    folder = tmp_path_factory.mktemp("served")
    with HubServer() as server:
        server.fill(zoo_hub(small_zoo, folder / "zoo"), folder / "served")
        yield server


@pytest.fixture
def mine(hub: HubServer, small_zoo: Path, tmp_path: Path) -> Path:
    """Copy the model's weights into a local folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(small_zoo / MODEL / "model.safetensors", folder)
    return folder


def offline(hub: HubServer, folder: Path, model: str, level: Level | None = None) -> Session:
    """Collect a model and open an offline session."""
    with Session(settings=hub.settings(folder)) as opened:
        collect(opened, [model], level=level)
    hub.log.clear()
    return Session(settings=hub.settings(folder), offline=True)


def reshard(folder: Path) -> None:
    """Split a folder's weights into two shards."""
    file = folder / "model.safetensors"
    tensors = read_safetensors(file)[0]
    file.unlink()
    write_shards(folder, tensors, 2)


def flip(folder: Path) -> None:
    """Change the last byte of a folder's weights."""
    file = folder / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def cut(folder: Path) -> None:
    """Remove a tensor from a folder's weights."""
    file = folder / "model.safetensors"
    tensors = read_safetensors(file)[0]
    tensors.pop(sorted(tensors)[0])
    file.write_bytes(safetensors_bytes(tensors))


def test_verify_answers_from_a_full_record(hub: HubServer, mine: Path, tmp_path: Path) -> None:
    """Weights that were read in full decide every verdict offline, dated by their reading and without a request."""
    with offline(hub, tmp_path, MODEL) as session:
        equal = verify(session, str(mine), against=MODEL)
        reshard(mine)
        other_files = verify(session, str(mine), against=MODEL)
        shutil.rmtree(mine)
        mine.mkdir()
        shutil.copy(_source(hub, tmp_path), mine / "model.safetensors")
        flip(mine)
        different = verify(session, str(mine), against=f"{MODEL}@main")
    assert [answer.verdict for answer in (equal, other_files, different)] == ["equal", "reserialised", "different"]
    assert different.summary
    assert [difference.what for difference in different.differences][1].startswith("tensor ")
    assert all(answer.unchecked == () for answer in (equal, other_files, different))
    assert equal.collected_at is not None
    assert equal.collected_at == different.collected_at
    assert hub.log == []


def _source(hub: HubServer, folder: Path) -> Path:
    """Find the weights that the server has of the model."""
    repository = hub.repositories[MODEL]
    entry = repository.file(repository.commit("main") or "", "model.safetensors")
    assert entry is not None
    assert entry.sha256 is not None
    found = [path for path in repository.lfs.rglob(entry.sha256) if path.is_file()]
    return found[0]


def test_verify_with_recorded_headers_only(hub: HubServer, mine: Path, tmp_path: Path) -> None:
    """Recorded headers decide another layout; equal layouts are unchecked, with the command that decides."""
    with offline(hub, tmp_path, MODEL, level="header") as session:
        assert verify(session, str(mine), against=MODEL).verdict == "equal"
        flip(mine)
        against, search = verify(session, str(mine), against=MODEL), verify(session, str(mine))
        cut(mine)
        other = verify(session, str(mine), against=MODEL)
        unknown = verify(session, str(mine))
    assert (against.verdict, other.verdict) == ("unchecked", "different")
    assert "--offline" in against.unchecked[0].reason
    commit = against.revision
    assert against.unchecked[0].decide_with == f"lineage collect {MODEL}@{commit} --level full"
    assert (search.verdict, unknown.verdict) == ("unchecked", "not_known")
    assert search.unchecked[0].decide_with == against.unchecked[0].decide_with
    assert "only headers" in search.unchecked[0].reason


@pytest.mark.slow
def test_diff_answers_from_the_record(hub: HubServer, tmp_path: Path) -> None:
    """Offline the last change and two named commits compare as on the Hub; what was not recorded is unchecked."""
    with Session(settings=hub.settings(tmp_path / "online")) as online:
        expected = diff(online, REVISED)
    with offline(hub, tmp_path, REVISED) as session:
        last = diff(session, REVISED)
        named = diff(session, f"{REVISED}@{expected.a.revision[:10]}", f"{REVISED}@{expected.b.revision}")
    assert last.weights == named.weights == expected.weights
    assert (last.a.digests, last.b.digests) == (expected.a.digests, expected.b.digests)
    assert last.weights.tensors
    assert all("--offline" in item.reason for item in last.unchecked)
    assert last.collected_at
    assert expected.collected_at
    assert hub.log == []


@pytest.mark.slow
def test_diff_of_headers_is_unchecked(hub: HubServer, tmp_path: Path) -> None:
    """Offline two states with recorded headers only are compared by layout, and the answer names the next command."""
    with offline(hub, tmp_path, REVISED, level="header") as session:
        answer = diff(session, REVISED)
    assert answer.weights.kind == "replaced"
    assert f"lineage diff {REVISED} --level full" in [item.decide_with for item in answer.unchecked]
    assert answer.weights.tensors
    assert answer.weights.tensors.compared == "layout"


def test_what_is_not_in_the_store_is_an_error(hub: HubServer, mine: Path, tmp_path: Path) -> None:
    """A model or a commit that was not collected is an error that names the command that collects it."""
    with offline(hub, tmp_path, MODEL) as session:
        with pytest.raises(HubUnreachableError, match="not in the store") as caught:
            verify(session, str(mine), against=REVISED)
        with pytest.raises(RevisionNotFoundError, match="is in the store"):
            diff(session, f"{MODEL}@v9", MODEL)
    assert caught.value.hint == f"`lineage collect {REVISED}` reads it"
