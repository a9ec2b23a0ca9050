"""`check` of a clone whose files on disk are not those of the commit that it checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.answers.check import check
from lineage.answers.session import Session
from lineage.hub.lfs import format_pointer
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.check import CheckAnswer
from tests.support.repositories import git
from tests.support.weight_files import safetensors_bytes

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


def tensors(fill: bytes) -> bytes:
    """Make a weight file of one tensor."""
    return safetensors_bytes({"a": ("F32", (4, 4), fill * 64)})


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Make a work tree with one commit."""
    place = tmp_path / "clone"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    for name, content in {WEIGHTS: tensors(b"1"), "config.json": b"{}", "README.md": b"# mine", INDEX: b"{}"}.items():
        (place / name).write_bytes(content)
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "first")
    return place


def checked(place: Path) -> CheckAnswer:
    """Check the clone by its path."""
    with Session(hub_selector=str(place.parent), store_url="memory:") as session:
        answer = check(session, [str(place)])
    assert isinstance(answer, CheckAnswer)
    return answer


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        (WEIGHTS, tensors(b"2"), "model.safetensors on disk differs from HEAD"),
        (WEIGHTS, None, "is in HEAD"),
        ("pytorch_model.bin", b"PK\x03\x04", "pytorch_model.bin is on disk and not in HEAD"),
        (INDEX, b'{"weight_map": {}}', f"{INDEX} on disk differs from HEAD"),
        ("params.json", b"{}", "params.json is on disk and not in HEAD"),
    ],
)
def test_weights_on_disk_that_no_commit_has_are_unchecked(
    clone: Path, path: str, content: bytes | None, words: str
) -> None:
    """The history says nothing about files that were not committed, so a check of their folder is not clean."""
    if content is None:
        (clone / path).unlink()
    else:
        (clone / path).write_bytes(content)
    answer = checked(clone)
    assert (answer.verdict, answer.counts.silent) == ("unchecked", 0)
    (item,) = answer.unchecked
    assert words in item.reason
    assert item.what == f"the files on disk in {clone}"


def test_other_files_on_disk_are_no_matter(clone: Path) -> None:
    """A card, the values in a config and a note are not weights: the check stays clean."""
    (clone / "README.md").write_text("# other")
    (clone / "config.json").write_text('{"a": 1}')
    (clone / "notes.txt").write_text("a" * 2_000)
    assert checked(clone).verdict == "clean"


def test_pointers_on_disk_are_the_weights_of_head(tmp_path: Path, clone: Path) -> None:
    """A clone without its LFS objects has pointers on disk, which HEAD has too."""
    (clone / WEIGHTS).write_bytes(format_pointer("ab" * 32, 5_000))
    git(clone, "commit", "-q", "-a", "--amend", "-m", "first")
    answer = checked(clone)
    assert not [item for item in answer.unchecked if "on disk" in item.what]


def test_the_last_line_names_the_folder_that_was_read(clone: Path) -> None:
    """A path is read on this machine: the answer does not end with the name of the session's Hub."""
    answer = checked(clone)
    for form in ("table", "markdown"):
        rendered = render(answer, form)
        text = rendered if isinstance(rendered, str) else plain(rendered)
        last = text.strip().splitlines()[-1]
        assert "dir-clone-" in last
        assert (answer.hub or "") not in last
