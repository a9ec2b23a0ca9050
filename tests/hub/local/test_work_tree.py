"""A clone by its files on disk: what is checked out counts, and differences from HEAD are reported."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.errors import FileNotInRevisionError
from lineage.hub.lfs import format_pointer
from lineage.hub.local.folder import FolderHub, open_folder
from lineage_schemas.snapshot import Snapshot
from tests.support.hub_kinds import World, make_work_tree, make_world, settings
from tests.support.repositories import REVISIONED, git

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def world(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(small_zoo, tmp_path_factory.mktemp("world"))


@pytest.fixture
def clone(world: World, tmp_path: Path) -> Path:
    """Clone the model, with git LFS's work done by hand."""
    place = tmp_path / "clones" / REVISIONED
    make_work_tree(world, place)
    return place


@pytest.fixture
def hub(clone: Path, tmp_path: Path) -> Iterator[FolderHub]:
    with open_folder(clone, settings(tmp_path), on_disk=True) as hub:
        yield hub


def snapshot(hub: FolderHub) -> Snapshot:
    """List the files that are on disk now."""
    return hub.snapshot(hub.resolve(hub.model))


def test_a_clean_clone_is_its_head(hub: FolderHub, world: World, clone: Path) -> None:
    """Smudged weights and texts that are HEAD's are HEAD, and a text that git does not track changes nothing."""
    (clone / "notes.txt").write_text("mine")
    found = snapshot(hub)
    assert found.commit == world.commits["r4"]
    assert found.changed_on_disk == {"notes.txt": "is on disk and not in HEAD"}
    assert hub.read(hub.model, found.commit, WEIGHTS) == (world.head / WEIGHTS).read_bytes()


def test_a_changed_file_is_read_from_the_disk(hub: FolderHub, world: World, clone: Path) -> None:
    """Other weights and another card than HEAD's make another revision, and each is named."""
    (clone / WEIGHTS).write_bytes((clone / WEIGHTS).read_bytes()[::-1])
    (clone / "README.md").write_text("mine")
    found = snapshot(hub)
    head = world.commits["r4"][:7]
    assert found.commit.startswith("folder:")
    assert found.changed_on_disk == {name: f"on disk differs from HEAD {head}" for name in ("README.md", WEIGHTS)}
    assert hub.read(hub.model, found.commit, WEIGHTS) == (clone / WEIGHTS).read_bytes()
    assert found.card_text == "mine"


def test_missing_and_further_weights_are_named(hub: FolderHub, world: World, clone: Path) -> None:
    """A file of HEAD that is not on disk, and weights that HEAD does not have, make another revision."""
    (clone / WEIGHTS).rename(clone / "other.safetensors")
    found = snapshot(hub)
    assert found.commit.startswith("folder:")
    assert found.changed_on_disk == {
        WEIGHTS: f"is in HEAD {world.commits['r4'][:7]} and not on disk",
        "other.safetensors": "is on disk and not in HEAD",
    }


def test_a_pointer_that_was_not_smudged_is_not_the_file(hub: FolderHub, world: World, clone: Path) -> None:
    """The pointer is what HEAD has, so that nothing differs; the bytes are not here, though git LFS may store them."""
    git(clone, "checkout", "--force", "--quiet", "HEAD", "--", WEIGHTS)
    assert (clone / WEIGHTS).read_bytes().startswith(b"version https://git-lfs")
    found = snapshot(hub)
    assert (found.commit, found.changed_on_disk) == (world.commits["r4"], {})
    with pytest.raises(FileNotInRevisionError, match="git-LFS pointer"):
        hub.read(hub.model, found.commit, WEIGHTS)
    (clone / WEIGHTS).write_bytes(format_pointer("0" * 64, 7))
    assert WEIGHTS in snapshot(hub).changed_on_disk


def test_a_clone_without_a_commit_is_a_folder(tmp_path: Path) -> None:
    """Where there is no HEAD there is nothing to differ from."""
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "--quiet")
    (tmp_path / "new" / "config.json").write_text("{}")
    with open_folder(tmp_path / "new", settings(tmp_path), on_disk=True) as hub:
        found = snapshot(hub)
    assert found.commit.startswith("folder:")
    assert found.changed_on_disk == {}


def test_links_that_git_tracks_do_not_differ(clone: Path, hub: FolderHub, world: World) -> None:
    """A committed link is compared as a link, not by what it leads to."""
    (clone / "copy.json").symlink_to("config.json")
    git(clone, "add", "copy.json")
    git(clone, "commit", "--quiet", "-m", "link")
    assert snapshot(hub).changed_on_disk == {}


def test_the_commits_are_asked_about_without_on_disk(clone: Path, tmp_path: Path, world: World) -> None:
    """Questions about history and descent of a clone speak of HEAD, whatever is on disk."""
    (clone / WEIGHTS).unlink()
    shutil.rmtree(clone / ".git" / "lfs")
    with open_folder(clone, settings(tmp_path)) as hub:
        assert hub.resolve(hub.model).commit == world.commits["r4"]
        with pytest.raises(FileNotInRevisionError, match="LFS object"):
            hub.read(hub.model, world.commits["r4"], WEIGHTS)
