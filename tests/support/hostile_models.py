"""Folders of models that want to break their reader, each made by a function of a plain name.

A `Builder` adds hostile files to a folder that holds a sound model already, or makes a bare repository. Models of
`REPORTED` have a file that cannot be used, and an answer has to name it or the model; those of `READABLE` look
dangerous and are read.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

from tests.support.bare_repository import BareRepository
from tests.support.weight_files import safetensors_bytes, with_header

Builder = Callable[[Path], None]

DEEP = 100_000
"""Brackets of a text that is nested deeper than any parser recurses."""


def sound_model(folder: Path, value: int = 1) -> None:
    """Make a small model with weights, a card and a config."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights(value))
    (folder / "README.md").write_text("---\nlicense: mit\n---\nA model.\n")
    (folder / "config.json").write_text('{"model_type": "llama"}')


def weights(value: int) -> bytes:
    """Make weights whose bytes are all this value."""
    return safetensors_bytes({"w": ("F32", (4, 4), bytes([value]) * 64)})


def card(metadata: str | bytes) -> Builder:
    """Replace the card by one with these metadata."""

    def build(folder: Path) -> None:
        content = metadata.encode() if isinstance(metadata, str) else metadata
        (folder / "README.md").write_bytes(b"---\n" + content + b"\n---\nA model.\n")

    return build


def file(name: str, content: str | bytes) -> Builder:
    """Add or replace one file."""

    def build(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return build


def recipe(content: str) -> Builder:
    """Add a recipe of a merge."""
    return file("mergekit_config.yml", content)


def only(name: str, content: bytes) -> Builder:
    """Replace the weights by one file of another format or with a broken header."""

    def build(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(content)

    return build


def pointer(size: str) -> bytes:
    """Write the pointer of a file in LFS that declares a size."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize {size}\n".encode()


def _pipe(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def _link_to_nothing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("../blobs/not-here")


def _link_to_itself(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("model.safetensors")


def _link_to_a_device(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/dev/zero")


def _folder_as_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()


def _odd_names(folder: Path) -> None:
    for name in (b"a\nb.safetensors", b"\xff\xfe.safetensors", "\u202etxt.safetensors".encode(), b"a\x1b[2J.json"):
        (folder / os.fsdecode(name)).write_bytes(weights(9))


def _shards_of_a_huge_number(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / f"model-00001-of-{'9' * 200}.safetensors")


HEADER = b'{"w":{"dtype":"F32","shape":[%s],"data_offsets":[0,%s]}}'

REPORTED: dict[str, Builder] = {
    "card-nested": card("base_model: " + "[" * 5_000),
    "card-alias-of-itself": card("base_model: &a [*a]"),
    "card-unknown-alias": card("base_model: *nothing"),
    "card-with-nul": card(b"base_model: a\x00b"),
    "card-key-twice": card("base_model: a/b\nbase_model: c/d"),
    "recipe-nested": recipe("models: " + "[" * 5_000),
    "recipe-not-text": file("mergekit_config.yml", b"models: \xff"),
    "adapter-nested": file("adapter_config.json", "[" * DEEP),
    "adapter-many-digits": file("adapter_config.json", '{"r": ' + "9" * 6_000 + "}"),
    "config-nested": file("config.json", '{"a":' * DEEP),
    "weights-cut": only("model.safetensors", weights(1)[:-20]),
    "weights-header-longer-than-file": only("model.safetensors", struct.pack("<Q", 1 << 62) + b"{}"),
    "weights-header-nested": only("model.safetensors", with_header(b'{"w":' + b"[" * DEEP)),
    "weights-huge-shape": only("model.safetensors", with_header(HEADER % (b"9" * 30, b"9" * 30), b"\0" * 8)),
    "weights-negative-shape": only("model.safetensors", with_header(HEADER % (b"-2", b"8"), b"\0" * 8)),
    "gguf-cut": only("model.gguf", b"GGUF\x03\x00\x00\x00"),
    "gguf-huge-counts": only("model.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 1 << 63)),
    "weights-are-a-pipe": _pipe,
    "weights-are-a-device": _link_to_a_device,
    "weights-link-to-nothing": _link_to_nothing,
    "weights-link-to-themselves": _link_to_itself,
    "pointer-beyond-64-bits": only("model.safetensors", pointer("9" * 30)),
    "pointer-many-digits": only("model.safetensors", pointer("9" * 500)),
}  # fmt: skip

READABLE: dict[str, Builder] = {
    "card-empty-int": card('base_model: !!int ""'),
    "card-empty-float": card('base_model: !!float ""'),
    "card-wrong-date": card('base_model: !!timestamp "x"'),
    "card-wrong-binary": card("base_model: !!binary x"),
    "card-python-object": card("base_model: !!python/object/apply:os.system [exit]"),
    "card-many-digits": card("base_model: " + "9" * 6_000),
    "recipe-empty-int": recipe('models: [{model: !!int ""}]\nmerge_method: linear\n'),
    "shards-of-a-huge-number": _shards_of_a_huge_number,
    "card-not-text": card(b"base_model: \xff\xfe"),
    "config-is-a-folder": _folder_as_config,
    "card-text-controls-a-terminal": card('license: mit\nmodel_name: "\\e[2J\\u202e"'),
    "tokenizer-nested": file("tokenizer.json", "[" * DEEP),
    "tokenizer-config-not-text": file("tokenizer_config.json", b"\xff" * 50),
    "config-huge-number": file("config.json", '{"model_type": "llama", "vocab_size": 1e999, "hidden_size": -1e400}'),
    "index-nested": file("model.safetensors.index.json", "[" * DEEP),
    "index-wrong-types": file("model.safetensors.index.json", json.dumps({"weight_map": {"w": ["a", 1, None]}})),
    "odd-names": _odd_names,
}


def sound_repository(place: Path) -> BareRepository:
    """Make a repository whose weights were never changed: a check of it is clean."""
    repository = BareRepository(place)
    repository.commit({"model.safetensors": weights(1), "config.json": b"{}", "README.md": b"---\nlicense: mit\n---\n"})
    return repository


def commit_with(encoding: bytes, message: bytes = b"caf\xe9 -\xff\n") -> Builder:
    """Make a repository whose head says that its texts have an encoding; it contains the files of a sound one."""

    def build(place: Path) -> None:
        repository = sound_repository(place)
        tree, parent = repository.git("rev-parse", "main^{tree}"), repository.git("rev-parse", "main")
        who = b"somebody <somebody@example.org> 1700100000 +0000"
        lines = [b"tree " + tree.encode(), b"parent " + parent.encode(), b"author " + who, b"committer " + who]
        content = b"\n".join([*lines, b"encoding " + encoding, b"", message])
        made = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=content)
        repository.git("update-ref", "refs/heads/main", made)

    return build


def _without_head_commit(place: Path) -> None:
    repository = sound_repository(place)
    head = repository.git("rev-parse", "main")
    (place / "objects" / head[:2] / head[2:]).unlink(missing_ok=True)
    for pack in (place / "objects" / "pack").glob("*"):
        pack.unlink()


def _branch_of_zeros(place: Path) -> None:
    sound_repository(place)
    (place / "refs" / "heads" / "main").write_bytes(bytes(41))


def _config_without_form(place: Path) -> None:
    sound_repository(place)
    (place / "config").write_bytes(b"[core\n\xff\0")


REPORTED_REPOSITORIES: dict[str, Builder] = {
    "repository-without-its-head": _without_head_commit,
    "repository-with-a-broken-branch": _branch_of_zeros,
    "repository-with-a-broken-config": _config_without_form,
}

READABLE_REPOSITORIES: dict[str, Builder] = {
    "commit-punycode": commit_with(b"punycode"),
    "commit-unicode-escape": commit_with(b"unicode_escape", b"\\ud800\n"),
    "commit-utf-7": commit_with(b"utf-7", b"+2AA-\n"),
    "commit-encoding-with-nul": commit_with(b"utf\0-8"),
    "commit-no-such-encoding": commit_with(b"otter-9"),
    "commit-rot13": commit_with(b"rot13"),
    "commit-zlib": commit_with(b"zlib"),
}
