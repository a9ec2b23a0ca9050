"""Fingerprints of a file, of a folder, of a model on a Hub."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.diff import diff
from lineage.answers.fingerprint import fingerprint
from lineage.answers.session import Session
from lineage.answers.verify import verify
from lineage.errors import FormatError, InputError, ModelNotFoundError
from lineage_schemas.answers.fingerprint import FingerprintAnswer
from lineage_schemas.export import json_schema
from tests.support.shared import ROOT

DEMO = ROOT / "lineage" / "demo_data" / "hub"
MODEL = DEMO / "otterhub" / "skiff-0.7m-manual"


@pytest.fixture
def session() -> Iterator[Session]:
    """Open a session on the demo's directory Hub."""
    with Session(hub_selector=str(DEMO), store_url="memory:") as opened:
        yield opened


def checked(answer: FingerprintAnswer) -> FingerprintAnswer:
    """Validate an answer against its schema."""
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("fingerprint.v1"))
    return answer


@pytest.mark.slow
def test_file_folder_and_model_are_the_same_weights(session: Session) -> None:
    """The same weights have the same digests as a file, as a folder and as a model; each answer names its source."""
    by_file = checked(fingerprint(session, str(MODEL / "model.safetensors")))
    by_folder = checked(fingerprint(session, str(MODEL)))
    by_id = checked(fingerprint(session, "otterhub/skiff-0.7m-manual"))
    assert len({answer.groups[0].digests for answer in (by_file, by_folder, by_id)}) == 1
    assert by_file.groups[0].digests.weights
    assert [answer.level for answer in (by_file, by_folder, by_id)] == ["full"] * 3
    assert (by_file.hub, by_file.revision, by_file.collected_at) == (None, None, None)
    assert by_id.revision == by_folder.revision
    assert by_id.collected_at is not None
    assert by_file.cost.bytes_read == by_id.cost.bytes_read == (MODEL / "model.safetensors").stat().st_size
    assert by_file.groups[0].tensors == by_id.groups[0].tensors


@pytest.mark.parametrize("level", ["metadata", "header"])
def test_requested_level_is_kept(session: Session, level: str) -> None:
    """A lower level is not exceeded, and the answer has it."""
    answer = checked(fingerprint(session, "otterhub/skiff-0.7m-manual", level=level))  # type: ignore[arg-type]
    assert answer.level == level
    assert answer.groups[0].digests.weights is None
    assert (answer.groups[0].tensors is None) == (level == "metadata")


def test_broken_group_is_reported_beside_valid_ones(session: Session, tmp_path: Path) -> None:
    """In a folder a file that violates its format is unchecked and known by its hash, and others are measured."""
    shutil.copy(MODEL / "model.safetensors", tmp_path / "model.safetensors")
    (tmp_path / "extra.safetensors").write_bytes(b"\xff" * 100)
    answer = checked(fingerprint(session, str(tmp_path)))
    valid, broken = answer.groups
    assert valid.digests.weights
    assert broken.digests.weights is None
    assert broken.digests.files
    assert [item.what for item in answer.unchecked] == ["extra.safetensors"]
    assert "extra.safetensors is not a valid safetensors file" in answer.unchecked[0].reason
    assert answer.level == "metadata"


def test_broken_single_file_is_an_error(session: Session, tmp_path: Path) -> None:
    """A single file that violates its format is an error."""
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(FormatError):
        fingerprint(session, str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"model_type": "llama", "hidden_size": 64}', b"\x02" + bytes(7) + b"{}"]
)
def test_file_that_is_not_a_weight_file_is_rejected(session: Session, tmp_path: Path, content: bytes) -> None:
    """A config has no weights to fingerprint, whether or not its first bytes could be those of a header."""
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json is not a weight file") as caught:
        fingerprint(session, str(tmp_path / "config.json"))
    assert caught.value.hint


def test_weight_file_is_recognised_by_its_first_bytes(session: Session, tmp_path: Path) -> None:
    """A safetensors file without its extension, as in a cache's `blobs` folder, is read like any other."""
    shutil.copy(MODEL / "model.safetensors", tmp_path / "0a1b2c")
    (group,) = checked(fingerprint(session, str(tmp_path / "0a1b2c"))).groups
    assert (group.format, group.main) == ("safetensors", True)
    assert group.digests.weights == fingerprint(session, str(MODEL)).groups[0].digests.weights


def test_folder_without_weights_is_an_answer(session: Session, tmp_path: Path) -> None:
    """A model folder without weight files is not an error: the answer reports that it has none."""
    (tmp_path / "config.json").write_text("{}")
    answer = checked(fingerprint(session, str(tmp_path)))
    assert answer.groups == ()
    assert answer.unchecked[0].reason == "it has no weight file"


@pytest.mark.parametrize("shards", [2, 5, None])
def test_index_without_its_shards_is_reported(session: Session, tmp_path: Path, shards: int | None) -> None:
    """For a folder with an index and none of its shards, each command reports the missing shards."""
    names = [f"model-{at:05d}-of-{shards:05d}.safetensors" for at in range(1, (shards or 0) + 1)]
    index = json.dumps({"weight_map": {f"t{at}": name for at, name in enumerate(names)}}) if shards else "broken"
    (tmp_path / "model.safetensors.index.json").write_text(index)
    (tmp_path / "config.json").write_text("{}")
    answer = checked(fingerprint(session, str(tmp_path)))
    reason = "lists a set of shards that does not exist"
    if shards is not None:
        reason = f"names {shards} shards that do not exist ({', '.join(names[:3])}"
    assert answer.unchecked[0].what == "model.safetensors.index.json"
    assert reason in answer.unchecked[0].reason
    assert ("and 2 more" in answer.unchecked[0].reason) == (shards == 5)
    with pytest.raises(InputError, match=r"no weight file, though model\.safetensors\.index\.json"):
        verify(session, str(tmp_path))
    assert any(reason in item.reason for item in diff(session, str(tmp_path), str(MODEL)).unchecked)


def test_a_missing_target_is_an_error(session: Session, tmp_path: Path) -> None:
    """The error names the missing path or the missing model."""
    with pytest.raises(InputError, match="does not exist"):
        fingerprint(session, str(tmp_path / "gone"))
    with pytest.raises(ModelNotFoundError, match="nobody/nothing"):
        fingerprint(session, "nobody/nothing")


@pytest.mark.slow
def test_single_file_loads_nothing_heavy() -> None:
    """Fingerprinting a file imports no Hub client, no database and no numpy, so that it starts fast."""
    code = (
        "import sys\nfrom lineage.answers.session import Session\nfrom lineage.answers.fingerprint import fingerprint\n"
        f"fingerprint(Session(), {str(MODEL / 'model.safetensors')!r})\n"
        "print([name for name in ('numpy', 'huggingface_hub', 'sqlite3', 'neo4j', 'networkx', 'rich', 'yaml', 'click')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
