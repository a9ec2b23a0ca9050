"""Files that PyTorch wrote: every tensor as PyTorch has it, by every way of reading."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import FormatError
from lineage.fingerprint.groups import weight_groups
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_file, fingerprint_group
from lineage.fingerprint.pytorch.gather import read_elements, read_tensor
from lineage.fingerprint.pytorch.reader import Checkpoint, Unread, read_checkpoint
from lineage.fingerprint.reading import read_ranges
from lineage_schemas.level import Level
from tests.support.range_hub import RangeHub
from tests.support.shared import ROOT, SHARED

OURS = ROOT / "tests" / "data" / "torch"
THEIRS = SHARED / "data" / "weights" / "torch"
FOLDER = THEIRS if (THEIRS / "truth.json").is_file() else OURS
TRUTH: dict[str, dict[str, Any]] = json.loads((FOLDER / "truth.json").read_text())
READ = [name for name, truth in TRUTH.items() if truth.get("tensors") and truth["kind"] in ("state_dict", "nested")]
NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I8": "int8",
    "U8": "uint8", "BOOL": "bool", "C64": "complex64", "F8_E4M3": "float8_e4m3fn",
}  # fmt: skip


def opened(name: str) -> Checkpoint:
    """Read the tensors of a file, with their places as its local headers say."""
    path = FOLDER / name
    read = read_ranges(path, name)
    found = read_checkpoint(read, path.stat().st_size, name)
    assert isinstance(found, Checkpoint)
    return found.exact(read)


@pytest.mark.parametrize("name", READ)
def test_each_tensor_is_the_one_that_pytorch_has(name: str) -> None:
    """Names, dtypes, shapes and the contiguous bytes of all tensors are those that PyTorch loads."""
    read = read_ranges(FOLDER / name, name)
    found = {
        tensor.name: {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "sha256": hashlib.sha256(b"".join(read_tensor(tensor, read))).hexdigest(),
        }
        for tensor in opened(name).tensors
    }
    assert found == TRUTH[name]["tensors"]


def test_any_part_of_a_view_can_be_gathered() -> None:
    """Elements from any index on are the same part of the contiguous copy."""
    read = read_ranges(FOLDER / "views.bin", "views.bin")
    for tensor in opened("views.bin").tensors:
        whole, width = b"".join(read_tensor(tensor, read)), tensor.width
        for first in range(0, tensor.elements, 7):
            count = min(5, tensor.elements - first)
            assert read_elements(tensor, read, first, count) == whole[first * width : (first + count) * width]


def measured(folder: Path, level: Level, *, in_place: bool) -> tuple[GroupFingerprint, RangeHub]:
    """Measure the main group of a folder."""
    hub = RangeHub(folder, in_place=in_place)
    read_index = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    group = weight_groups(hub.files().values(), read_index.get)[0]
    return fingerprint_group(hub, "a/b", "0" * 40, group, hub.files(), level), hub


@pytest.mark.parametrize("name", READ)
def test_ranges_streams_and_files_give_the_same(tmp_path: Path, name: str) -> None:
    """A remote file has the tensors of the same file on this machine at each level, and a header takes three reads."""
    shutil.copy(FOLDER / name, tmp_path / "pytorch_model.bin")
    for level in ("header", "full"):
        remote, hub = measured(tmp_path, level, in_place=False)
        local, _ = measured(tmp_path, level, in_place=True)
        assert (remote.rows, remote.digests, remote.flags) == (local.rows, local.digests, local.flags)
        assert local.flags == ("pickle",)
        assert len(hub.asked) <= 3 + (level == "full")
        assert (local.digests.weights is not None) == (level == "full")


@pytest.mark.parametrize("name", [name for name, truth in TRUTH.items() if truth.get("same_as")])
def test_a_conversion_has_the_same_weights_digest(name: str) -> None:
    """A checkpoint and the safetensors file with the same tensors have all digests of tensors in common."""
    one, other = fingerprint_file(FOLDER / name), fingerprint_file(FOLDER / TRUTH[name]["same_as"])
    assert one.digests.weights
    assert one.digests.model_copy(update={"files": None}) == other.digests.model_copy(update={"files": None})


def test_shards_are_put_together(tmp_path: Path) -> None:
    """The shards that an index lists are one group with the tensors of all."""
    for path in FOLDER.glob("pytorch_model*"):
        shutil.copy(path, tmp_path)
    found, _ = measured(tmp_path, "full", in_place=True)
    shards = [name for name in TRUTH if name.startswith("pytorch_model-")]
    assert found.group.complete
    assert {row.name for row in found.rows or ()} == {key for name in shards for key in TRUTH[name]["tensors"]}
    assert found.digests.weights


def test_tied_tensors_share_a_storage_and_a_digest() -> None:
    """Two names on one storage are seen as tied, and both have the digest of its bytes."""
    tied = [tensor for tensor in opened("tied.bin").tensors if tensor.name in ("embed.weight", "head.weight")]
    assert len({tensor.storage for tensor in tied}) == 1
    rows = {row.name: row for row in fingerprint_file(FOLDER / "tied.bin").rows or ()}
    assert rows["embed.weight"].digest == rows["head.weight"].digest


REASONS = {
    "optimizer.pt": "state of a training run",
    "torchscript.pt": "TorchScript",
    "with-numpy.pt": "numpy",
    "hostile-system.bin": "posix.system",
    "whole-module.pt": "torch.nn.modules",
    "hostile-memo.bin": "no dict of tensors",
}


@pytest.mark.parametrize("name", [name for name in REASONS if name in TRUTH])
def test_foreign_files_are_known_by_hash_with_a_reason(name: str) -> None:
    """Whatever is not a plain checkpoint keeps its hash, has no tensors, and says why."""
    found = fingerprint_file(FOLDER / name)
    assert found.rows is None
    assert found.unread is not None
    assert REASONS[name] in found.unread
    assert found.files[0].sha256 == hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
    assert {"known-by-sha256", "pickle"} <= set(found.flags)


@pytest.mark.parametrize("name", [name for name, truth in TRUTH.items() if truth["kind"] == "broken"])
def test_broken_files_have_no_tensors(name: str) -> None:
    """A file that is broken is refused with an error that names it, and its fingerprint has its hash and the reason."""
    path = FOLDER / name
    whole = fingerprint_file(path)
    assert (whole.rows, whole.digests.weights) == (None, None)
    assert whole.unread
    assert whole.files[0].sha256
    if name in REASONS:
        assert isinstance(read_checkpoint(read_ranges(path, name), path.stat().st_size, name), Unread)
        return
    with pytest.raises(FormatError, match=f"^{name} is not a valid PyTorch file: "):
        read_checkpoint(read_ranges(path, name), path.stat().st_size, name)


def test_what_a_hostile_pickle_would_call_is_reported_and_not_called() -> None:
    """The names are in the fingerprint, and a process that reads the file starts no other and imports no PyTorch."""
    found = fingerprint_file(FOLDER / "hostile-system.bin")
    assert found.calls == ("posix.system",)
    assert "pickle-calls" in found.flags
    watch = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, arguments: seen.append((event, str(arguments)[:100])) if event in "
        "('os.system', 'subprocess.Popen', 'os.exec', 'pickle.find_class', 'exec') else None)\n"
        "from pathlib import Path\n"
        "from lineage.fingerprint.measure import fingerprint_file\n"
        "del seen[:]\n"
        "before = set(sys.modules)\n"
        "fingerprint_file(Path(sys.argv[1]))\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "calls = [each for each in seen if each[0] != 'exec']\n"
        "assert not calls and not new & {'torch', 'posix', 'pickle'}, (calls, new)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, str(FOLDER / "hostile-system.bin")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
