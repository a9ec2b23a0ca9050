"""LFS pointers: read as git LFS reads them, named as git names them."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.hub.lfs import (
    Pointer,
    belongs_in_lfs,
    format_pointer,
    git_blob_id,
    object_path,
    parse_placeholder,
    parse_pointer,
    pointer_blob_id,
)

SHA = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
GOOD = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize 12345\n".encode()


@given(st.binary(min_size=32, max_size=32), st.integers(0, 10**15))
def test_a_written_pointer_is_read_back(digest: bytes, size: int) -> None:
    """Writing and reading are inverse, and the text fits the specification's limit."""
    pointer = format_pointer(digest.hex(), size)
    assert parse_pointer(pointer) == Pointer(digest.hex(), size)
    assert len(pointer) < 200


def test_blob_ids_are_gits_own(tmp_path: Path) -> None:
    """The id worked out for a pointer is what git calls that text."""
    (tmp_path / "pointer").write_bytes(GOOD)
    done = subprocess.run(["git", "hash-object", tmp_path / "pointer"], capture_output=True, text=True, check=True)
    assert pointer_blob_id(SHA, 12345) == git_blob_id(GOOD) == done.stdout.strip()


def test_real_pointers_have_the_ids_that_the_hub_recorded(histories: Path) -> None:
    """On every LFS file of the recorded histories sha256 and size give the recorded blob id."""
    seen = 0
    for record in histories.glob("*.json.gz"):
        with gzip.open(record) as file:
            commits = json.load(file)["commits"]
        for change in (change for commit in commits for change in commit["changes"] if "lfs" in change):
            assert pointer_blob_id(change["lfs"]["sha256"], change["lfs"]["size"]) == change["new"]
            seen += 1
    assert seen > 100


@pytest.mark.parametrize(
    "text",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\n",
        GOOD + b"x",
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.replace(SHA.encode(), SHA.encode().upper()),
        GOOD.replace(b"size 12345", b"size 012345"),
        GOOD.replace(b"size 12345", b"size -1"),
        GOOD.replace(b"size 12345\n", b""),
        GOOD.replace(b"sha256:", b"sha512:"),
        GOOD.replace(b"v1", b"v9"),
        GOOD.replace(SHA.encode(), SHA[:-1].encode()),
        b"\n".join([GOOD.splitlines()[0], GOOD.splitlines()[2], GOOD.splitlines()[1], b""]),
        GOOD + GOOD,
        b"oid sha256:" + SHA.encode() + b"\nversion https://git-lfs.github.com/spec/v1\nsize 1\n",
        GOOD.replace(b"size 12345", b"size " + b"9" * 30),
        GOOD.replace(b"size 12345", b"size 9999999999999999999"),
        GOOD.replace(b"size 12345", b"size 9223372036854775808"),
        GOOD.replace(b"size 12345", b"size " + b"9" * 800),
        GOOD + b"zzz " + b"y" * 1000 + b"\n",
        GOOD + b"size 5\n",
        GOOD.replace(b"oid ", b"oid  "),
    ],
)
def test_what_git_lfs_would_not_follow_is_a_file(text: bytes) -> None:
    """A text that only resembles a pointer names no weights."""
    assert parse_pointer(text) is None


def test_the_largest_size_is_that_of_both_stores() -> None:
    """A size below 2^63 is kept; a larger one makes a pointer a damaged one, which names nothing."""
    largest = GOOD.replace(b"12345", b"9223372036854775807")
    assert parse_pointer(largest) == Pointer(SHA, 2**63 - 1)
    for size in (b"9223372036854775808", b"9" * 500):
        damaged = parse_placeholder(GOOD.replace(b"12345", size))
        assert damaged is not None
        assert (damaged.sha256, damaged.size) == (None, None)
        xet = parse_placeholder(b"# xet version 0\nfilesize = " + size + b"\nhash = 'x'\n")
        assert xet is not None
        assert xet.size is None


def test_extensions_are_tolerated() -> None:
    """Pointers of LFS extensions name the same object, and so do those of the project's first name."""
    extended = GOOD.replace(b"\noid", b"\next-0-foo sha256:" + SHA.encode() + b"\noid")
    assert parse_pointer(extended) == Pointer(SHA, 12345)
    assert parse_pointer(GOOD.replace(b"git-lfs.github", b"hawser.github")) == Pointer(SHA, 12345)


@pytest.mark.parametrize(
    ("path", "size", "expected"),
    [
        ("model.safetensors", 10, True),
        ("a/b/model.bin", 10, True),
        ("x.gguf", 0, True),
        ("config.json", 10, False),
        ("README.md", 9_999_999, False),
        ("tokenizer.json", 10_000_000, True),
        ("model.safetensors.index.json", 10, False),
    ],
)
def test_files_go_where_the_hub_keeps_them(path: str, size: int, expected: bool) -> None:
    """Names by the Hub's patterns, and everything large, are in LFS."""
    assert belongs_in_lfs(path, size) is expected


def test_objects_lie_where_git_lfs_puts_them() -> None:
    """The layout is git LFS's, so that its folder can be used as it is."""
    assert object_path(Path("objects"), SHA) == Path("objects/4d/7a") / SHA


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(b"\n"),
        GOOD.replace(b"git-lfs.github.com", b"hawser.github.com"),
    ],
)
def test_a_pointer_on_disk_names_the_file_that_it_replaces(text: bytes) -> None:
    """Line ends of Windows, a lost last newline and the old name of git LFS make no other file of a pointer."""
    found = parse_placeholder(text)
    assert found is not None
    assert (found.sha256, found.size) == (SHA, 12345)
    assert "git lfs pull" in found.hint


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (GOOD[:60], None),
        (GOOD.replace(b"sha256:", b"md5:"), None),
        (b"version http://git-media.io/v/2\noid 4d7a\nsize 9\n", None),
        (b"# xet version 0\nfilesize = 77\nhash = '0a'\n", 77),
    ],
)
def test_other_placeholders_name_no_hash(text: bytes, size: int | None) -> None:
    """A damaged pointer, one of an older form and a Xet pointer are not the content, and name no SHA-256."""
    found = parse_placeholder(text)
    assert found is not None
    assert (found.sha256, found.size) == (None, size)


@given(st.binary(max_size=300))
def test_ordinary_bytes_are_no_placeholder(content: bytes) -> None:
    """Bytes that begin like no placeholder, and longer texts that do, are files of their own."""
    assert parse_placeholder(b"\0" + content) is None
    assert parse_placeholder(GOOD + b"x" * 1024) is None
