"""Measuring a weight group: equal results by every way of reading, and what each level costs."""

from __future__ import annotations

import hashlib
import shutil
import struct
from pathlib import Path

import pytest

from lineage.errors import FormatError, InputError
from lineage.fingerprint.compare import compare_weights
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_file, fingerprint_group
from lineage_schemas.file import FileEntry
from lineage_schemas.level import Level
from tests.support.range_hub import RangeHub
from tests.support.shared import ROOT
from tests.support.weight_files import gguf_bytes, read_safetensors, safetensors_bytes, write_shards

DEMO = ROOT / "lineage" / "demo_data" / "hub"
MODEL = DEMO / "otterhub" / "skiff-0.7m-manual" / "model.safetensors"
GGUF = next(DEMO.rglob("*.gguf"))


def measure(
    folder: Path, level: Level, *, in_place: bool = False, sha256: dict[str, str] | None = None
) -> tuple[GroupFingerprint, RangeHub]:
    """Measure the main group of a folder, in place or as if it were remote."""
    hub = RangeHub(folder, in_place=in_place)
    files = {path: entry.model_copy(update={"sha256": (sha256 or {}).get(path)}) for path, entry in hub.files().items()}
    read_index = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    group = weight_groups(files.values(), read_index.get)[0]
    return fingerprint_group(hub, "a/b", "0" * 40, group, files, level), hub


@pytest.fixture
def single(tmp_path: Path) -> Path:
    """Make a folder with a real model in one file."""
    folder = tmp_path / "single"
    folder.mkdir()
    shutil.copy(MODEL, folder)
    return folder


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Make a folder with the same model in three shards with other header metadata and key order."""
    folder = tmp_path / "sharded"
    folder.mkdir()
    tensors, _ = read_safetensors(MODEL)
    write_shards(folder, dict(reversed(tensors.items())), 3)
    return folder


@pytest.mark.parametrize("level", ["metadata", "header", "full"])
def test_ranges_and_files_give_the_same(single: Path, level: Level) -> None:
    """A group read by ranges and streams is the group read in place, at every level."""
    remote, _ = measure(single, level)
    local, hub = measure(single, level, in_place=True)
    assert (remote.digests, remote.rows, remote.files, remote.declares) == (
        local.digests, local.rows, local.files, local.declares,
    )  # fmt: skip
    assert hub.asked == []
    assert local.level == level


def test_sharding_changes_the_files_digest_only(single: Path, sharded: Path) -> None:
    """One file and three shards of the same tensors have the same weights, content and layout digests."""
    one, _ = measure(single, "full", in_place=True)
    three, _ = measure(sharded, "full")
    assert one.digests.files != three.digests.files
    assert one.digests.model_copy(update={"files": None}) == three.digests.model_copy(update={"files": None})
    assert one.group.name == three.group.name
    assert one.parameter_count == three.parameter_count
    assert one.dtypes == three.dtypes


def test_full_pass_of_a_real_model_matches_plain_means(single: Path) -> None:
    """File and tensor digests are those that hashing the file and its tensors one by one gives."""
    from blake3 import blake3

    found, _ = measure(single, "full", in_place=True)
    tensors, metadata = read_safetensors(MODEL)
    assert found.files[0].sha256 == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert {row.name: row.digest for row in found.rows or []} == {
        name: blake3(data).hexdigest() for name, (_, _, data) in tensors.items()
    }
    assert found.declares == metadata
    assert found.flags == ()
    assert found.cost.bytes_read == MODEL.stat().st_size
    assert found.cost.requests == 0


def test_header_level_costs_at_most_two_requests_a_shard(sharded: Path) -> None:
    """Headers of shards cost one request each here and never more than two, and only what was asked for is counted."""
    found, hub = measure(sharded, "header")
    assert found.cost.requests == len(hub.asked) == 3
    assert found.cost.bytes_read == hub.bytes_read
    assert found.digests.layout
    assert found.digests.weights is None
    assert all(row.digest is None for row in found.rows or [])


def test_long_headers_cost_two_requests(tmp_path: Path) -> None:
    """A header beyond the first read costs a second one for exactly the rest."""
    (tmp_path / "model.safetensors").write_bytes(
        safetensors_bytes({f"layer.{n}.weight": ("F32", (1,), bytes(4)) for n in range(4000)})
    )
    _, hub = measure(tmp_path, "header")
    assert len(hub.asked) == 2
    assert hub.asked[1][1] == hub.asked[0][2]


def test_metadata_level_reads_nothing(single: Path) -> None:
    """Level metadata asks for no bytes and still names the files where their hashes are known."""
    sha256 = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    found, hub = measure(single, "metadata", sha256={"model.safetensors": sha256})
    assert hub.asked == []
    assert found.digests.files
    assert found.rows is None
    full, _ = measure(single, "full", sha256={"model.safetensors": sha256})
    assert full.digests.files == found.digests.files


def test_known_sha256_is_checked(single: Path) -> None:
    """Bytes other than those that the Hub's hash names are refused, in place and as a stream."""
    for in_place in (True, False):
        with pytest.raises(FormatError, match="sha256-mismatch"):
            measure(single, "full", in_place=in_place, sha256={"model.safetensors": "0" * 64})


def test_files_digest_keeps_the_identity_that_metadata_gave(single: Path) -> None:
    """A file that metadata names by its git id keeps that in the files digest, at every level: it is a node's key."""
    hub = RangeHub(single, in_place=True)
    files = {path: entry.model_copy(update={"blob_id": "ab" * 20}) for path, entry in hub.files().items()}
    group = weight_groups(files.values())[0]
    levels: list[Level] = ["metadata", "full"]
    found = [fingerprint_group(hub, "a/b", "c", group, files, level).digests.files for level in levels]
    assert found[0] is not None
    assert found[0] == found[1]


def test_gguf_has_tensors_and_digests() -> None:
    """A GGUF file gives its declarations, its tensors with their type's word, and digests at level full."""
    found = fingerprint_file(GGUF)
    assert found.digests.weights
    assert found.dtypes
    assert {"F32", "Q4_0"} <= found.dtypes.keys()
    assert found.declares["general.architecture"] == "llama"
    assert found.flags == ()


def test_other_quants_of_a_hub_cost_one_read(tmp_path: Path) -> None:
    """Below level full only the main quant's tensors are fetched from a Hub; others give what they declare."""
    (tmp_path / "x.Q4_K_M.gguf").write_bytes(GGUF.read_bytes())
    (tmp_path / "x.Q8_0.gguf").write_bytes(GGUF.read_bytes())
    hub = RangeHub(tmp_path)
    main, other = weight_groups(hub.files().values())
    whole = fingerprint_group(hub, "a/b", "c", main, hub.files(), "header")
    part = fingerprint_group(hub, "a/b", "c", other, hub.files(), "header")
    assert whole.rows
    assert part.rows is None
    assert part.digests.layout is None
    assert part.declares["general.architecture"] == "llama"
    assert part.flags == ()


def test_gguf_of_an_unknown_type_has_all_digests(tmp_path: Path) -> None:
    """The digests of tensors of an unknown type do not depend on where they lie and how they are filled up."""
    odd, plain = ("a", (32,), 137, b"odd" * 7 + bytes(3)), ("b", (2,), 0, bytes(range(8)))
    packings = {"first": ([odd, plain], 32), "last": ([plain, odd], 32), "wide": ([odd, plain], 1024)}
    found = {}
    for name, (tensors, alignment) in packings.items():
        entry = ("general.alignment", 4, struct.pack("<I", alignment))
        (tmp_path / f"{name}.gguf").write_bytes(gguf_bytes([entry], tensors, alignment=alignment))
        found[name] = fingerprint_file(tmp_path / f"{name}.gguf")
    (tmp_path / "cut.gguf").write_bytes((tmp_path / "last.gguf").read_bytes()[:-8])
    found["cut"] = fingerprint_file(tmp_path / "cut.gguf")
    assert {side.flags for side in found.values()} == {()}
    assert found["first"].digests.weights
    assert len({side.digests.weights for side in found.values()}) == 1
    other = gguf_bytes([], [("a", (32,), 137, b"odd" * 7 + b"\0\0\1"), plain])
    (tmp_path / "other.gguf").write_bytes(other)
    assert compare_weights(found["first"], fingerprint_file(tmp_path / "other.gguf")).kind == "partial"


def test_zeros_inside_a_tensor_of_an_unknown_type_count(tmp_path: Path) -> None:
    """Zeros are left out at the end only, also where they fill whole chunks of the reading."""
    digests = set()
    for zeros in (0, 300_000, 300_001):
        path = tmp_path / f"{zeros}.gguf"
        path.write_bytes(gguf_bytes([], [("a", (1 << 20,), 137, b"a" + bytes(zeros) + b"z" + bytes(600_000 - zeros))]))
        measured = fingerprint_file(path)
        digests.add(measured.digests.weights)
        remote, _ = measure_alone(path)
        assert remote.digests.weights == measured.digests.weights
    assert len(digests) == 3


def measure_alone(path: Path) -> tuple[GroupFingerprint, RangeHub]:
    """Measure one file of a folder in full, as if it were remote."""
    hub = RangeHub(path.parent)
    entry = hub.files()[path.name]
    return fingerprint_group(hub, "a/b", "c", weight_groups([entry])[0], {path.name: entry}, "full"), hub


def test_gguf_of_an_unknown_type_and_size_has_a_layout_only(tmp_path: Path) -> None:
    """Where the end of a tensor is not known the group has a flag for it and no weights digest."""
    path = tmp_path / "x.gguf"
    path.write_bytes(gguf_bytes([], [("a", (32,), 137, bytes(20))]))
    group = weight_groups([FileEntry(path="x.gguf")])[0]
    found = fingerprint_group(RangeHub(tmp_path), "a/b", "c", group, {}, "full")
    assert found.flags == ("unknown-tensor-type",)
    assert found.digests.layout
    assert found.digests.weights is None
    assert found.files[0].sha256


def test_pickles_are_never_executed(tmp_path: Path) -> None:
    """A pickle that would run code is known by its hash, flagged with what it would call, and does nothing."""
    import os
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    for in_place in (True, False):
        found, _ = measure(tmp_path, "full", in_place=in_place)
        assert found.flags == ("known-by-sha256", "pickle", "pickle-calls")
        assert found.calls == ("posix.mkdir",)
        assert found.digests.files
        assert found.rows is None
    assert not (tmp_path / "ran").exists()


def test_bin_that_is_no_pickle_is_not_called_one(tmp_path: Path) -> None:
    """A `.bin` in another format is not flagged as a pickle once its first bytes were seen."""
    (tmp_path / "model.bin").write_bytes(b"\x00\x01binary")
    assert fingerprint_file(tmp_path / "model.bin").flags == ("known-by-sha256",)


def test_remote_pickle_with_known_hash_is_not_downloaded(tmp_path: Path) -> None:
    """At level full a remote file without tensors is not fetched whole when its hash is known."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02N." + bytes(200_000))
    (tmp_path / "model.msgpack").write_bytes(bytes(10))
    for name in ("pytorch_model.bin", "model.msgpack"):
        _, hub = measure(tmp_path, "full", sha256={name: "0" * 64})
        assert hub.bytes_read < 150_000
        (tmp_path / name).unlink()
    assert hub.asked == []


def test_incomplete_shards_are_flagged(sharded: Path) -> None:
    """A set that lacks a shard has a flag for it."""
    (sharded / "model-00002-of-00003.safetensors").unlink()
    found, _ = measure(sharded, "header")
    assert found.flags == ("incomplete-shards",)


def test_one_tensor_in_two_shards_is_an_error(tmp_path: Path) -> None:
    """Two shards that hold one tensor have no fingerprint."""
    raw = safetensors_bytes({"w": ("F32", (1,), bytes(4))})
    for number in (1, 2):
        (tmp_path / f"model-0000{number}-of-00002.safetensors").write_bytes(raw)
    with pytest.raises(FormatError, match="'w' is in"):
        measure(tmp_path, "header")


def test_single_file_needs_no_repository(tmp_path: Path) -> None:
    """A weight file of any name is measured alone; a missing one is an input error."""
    path = tmp_path / "renamed.weights-of-mine"
    path.write_bytes(GGUF.read_bytes())
    assert fingerprint_file(path).digests.weights == fingerprint_file(GGUF).digests.weights
    with pytest.raises(InputError, match="cannot be read"):
        fingerprint_file(tmp_path / "gone.safetensors")


def test_local_file_without_size_in_the_listing(single: Path) -> None:
    """A listing without sizes is completed from the file itself."""
    hub = RangeHub(single, in_place=True)
    files = {"model.safetensors": FileEntry(path="model.safetensors")}
    found = fingerprint_group(hub, "a/b", "c", weight_groups(files.values())[0], files, "full")
    assert found.byte_size == MODEL.stat().st_size
