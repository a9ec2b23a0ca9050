"""Files that hold the tensors of an .onnx file, under whatever name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.errors import HubUnreachableError
from lineage.fingerprint.groups import Grouping, group_files
from lineage.fingerprint.header import Read
from lineage.fingerprint.header_reader import HeaderReader
from lineage.fingerprint.measure import fingerprint_file
from lineage.fingerprint.onnx_data import may_hold_data
from lineage_schemas.file import FileEntry
from tests.support.onnx_files import model, tensor

KB = bytes(2_000)


def pointing(*locations: str) -> bytes:
    """Write an .onnx file whose tensors lie at these locations."""
    return model([tensor(f"t{number}", location=location) for number, location in enumerate(locations)])


def grouped(contents: dict[str, bytes], *, read: bool = True, local: bool = True) -> Grouping:
    """Group a tree, with its files' sizes; without `read` only the .onnx files' names are known."""

    def opened(path: str) -> tuple[Read, int | None]:
        if not read:
            raise HubUnreachableError(f"{path} was not reached")
        return (lambda start, length: contents[path][start : start + length]), len(contents[path])

    entries = [FileEntry(path=path, size=len(raw)) for path, raw in contents.items()]
    return group_files(entries, None, HeaderReader(opened, is_local=local))


def files(found: Grouping) -> dict[str, tuple[str, ...]]:
    """Give the files of each group."""
    return {group.name: group.files for group in found.groups}


@pytest.mark.parametrize(
    "location",
    ["160ea76f-918f-11f1-8428-cc15316249d1.data", "onnx__MatMul_9335", "transformer.h.1.mlp.bias", "model.data",
     "weights.pb", "weights.bin", "sub/encoder.weight", "./part.data", "sub\\part.data"],
)  # fmt: skip
@pytest.mark.parametrize("folder", ["", "onnx/"])
def test_the_onnx_file_says_which_files_are_its_data(location: str, folder: str) -> None:
    """Whatever the file is called that an .onnx file names, it belongs to its group, and to no other."""
    data = folder + location.removeprefix("./").replace("\\", "/")
    found = grouped({f"{folder}model.onnx": pointing(location), data: KB, "README.md": KB, "config.json": KB})
    assert files(found) == {f"{folder}model.onnx": tuple(sorted([f"{folder}model.onnx", data]))}
    assert found.loose == {}
    assert found.groups[0].complete is None


def test_data_of_two_models_are_of_both() -> None:
    """A decoder and its merged form may share one data file; each group has it."""
    found = grouped({"a.onnx": pointing("shared.data"), "b.onnx": pointing("shared.data", "b.w"), "shared.data": KB,
                     "b.w": KB})  # fmt: skip
    assert files(found) == {"a.onnx": ("a.onnx", "shared.data"), "b.onnx": ("b.onnx", "b.w", "shared.data")}


def test_data_that_are_not_there_leave_the_group_incomplete() -> None:
    """What an .onnx file names and the tree lacks makes its group incomplete, also where nothing lies beside it."""
    found = grouped({"model.onnx": pointing("model.onnx.data"), "config.json": b"{}"})
    assert found.groups[0].complete is False
    assert grouped({"model.onnx": pointing("gone", "here"), "here": KB}).groups[0].complete is False


def test_what_an_onnx_file_does_not_name_is_not_its_data() -> None:
    """An unknown file beside a model that holds all its tensors is not a weight file."""
    found = grouped({"model.onnx": model([tensor("a", KB)]), "lexicon.dat": KB})
    assert files(found) == {"model.onnx": ("model.onnx",)}
    assert found.loose == {}


@pytest.mark.parametrize("local", [True, False])
def test_without_the_onnx_file_names_decide_where_they_tell(local: bool) -> None:
    """Of an unread .onnx file, data named like it are its own, `weights.pb` a single one's, other files are open."""
    contents = {
        "x/model.onnx": b"",
        "x/model.data": KB,
        "x/weights.pb": KB,
        "x/7f3a": KB,
        "x/vocab.txt": KB,
        "y.dat": KB,
    }
    found = grouped(contents, read=False, local=local)
    assert files(found) == {"x/model.onnx": ("x/model.data", "x/model.onnx", "x/weights.pb")}
    assert found.loose == {"x/model.onnx": ("x/7f3a",)}
    several = grouped({"a.onnx": b"", "b.onnx": b"", "a.data": KB, "weights.pb": KB}, read=False)
    assert files(several) == {"a.onnx": ("a.data", "a.onnx"), "b.onnx": ("b.onnx",), "weights.pb": ("weights.pb",)}


@pytest.mark.parametrize(("location", "loose"), [("../w", ("w",)), ("../../w", ()), ("/w", ())])
def test_data_outside_the_folder_leave_the_group_open(location: str, loose: tuple[str, ...]) -> None:
    """A group whose .onnx file names data outside its folder is listed, also where the tree has no such file."""
    assert grouped({"onnx/model.onnx": pointing(location), "w": KB}).loose == {"onnx/model.onnx": loose}


def test_a_damaged_onnx_file_still_names_its_data() -> None:
    """Names of files in the bytes of a damaged file are taken for its data; others remain undecided."""
    found = grouped({"model.onnx": b"\x08\x07graph 160ea76f.data", "160ea76f.data": KB, "other": KB})
    assert files(found) == {"model.onnx": ("160ea76f.data", "model.onnx")}
    assert found.loose == {"model.onnx": ("other",)}


def test_small_files_and_those_of_other_kinds_are_never_open() -> None:
    """A file that is smaller than any external tensor, or of another kind by its name, leaves nothing open."""
    others = {"README": KB, "LICENSE.txt": KB, "tokenizer.model": KB, "merges": KB, "a.wav": KB, ".gitattributes": KB,
              "optimizer.pt": KB, "input_0.pb": KB, "small": bytes(1_000), "vocab.bpe": KB}  # fmt: skip
    assert grouped({"model.onnx": b"", **others}, read=False).loose == {}
    assert grouped({"model.safetensors": b"", "unknown": KB}, read=False).loose == {}


def test_a_remote_onnx_file_is_read_only_beside_unknown_files() -> None:
    """On a remote Hub no request is spent where no file could be its data."""
    asked = []

    def opened(path: str) -> tuple[Read, int | None]:
        asked.append(path)
        raw = pointing("w")
        return (lambda start, length: raw[start : start + length]), len(raw)

    for beside in ("README.md", "w"):
        entries = [FileEntry(path=path, size=5_000) for path in ("onnx/model.onnx", f"onnx/{beside}")]
        group_files(entries, None, HeaderReader(opened, is_local=False))
    assert asked == ["onnx/model.onnx"]


def test_a_file_alone_is_not_read_in_full_without_its_data(tmp_path: Path) -> None:
    """Of an .onnx file alone nothing is claimed that its tensors would be needed for."""
    (tmp_path / "model.onnx").write_bytes(pointing("model.data"))
    found = fingerprint_file(tmp_path / "model.onnx")
    assert (found.level, found.is_whole, "incomplete-shards" in found.flags) == ("metadata", False, True)
    (tmp_path / "model.onnx").write_bytes(pointing("../model.data"))
    found = fingerprint_file(tmp_path / "model.onnx")
    assert (found.level, found.is_whole, found.flags[-1]) == ("metadata", False, "data-unread")
    (tmp_path / "model.onnx").write_bytes(model([tensor("a", b"1234")]))
    found = fingerprint_file(tmp_path / "model.onnx")
    assert (found.level, found.is_whole) == ("full", True)


@pytest.mark.parametrize("path", ["onnx__MatMul_1", "a/b/model.data", "x.weight", "uuid-1234.data", "voices.bin"])
def test_names_that_may_hold_data(path: str) -> None:
    """A name that is not that of another kind of file may be that of a tensor."""
    assert may_hold_data(path)
