"""Every kind of Hub, each filled with the same real model: five revisions, two tags, weights in LFS."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lineage.hub.interface import Hub
from lineage.hub.lfs import format_pointer
from lineage.hub.local.cache import CacheHub
from lineage.hub.local.directory import DirectoryHub
from lineage.hub.local.folder import open_folder
from lineage.settings.environment import Settings
from tests.support.hub_server import HubServer
from tests.support.repositories import REVISIONED, git, zoo_repository

HEAD = "r4"


@dataclass(frozen=True)
class World:
    """The model as files and as a bare repository; `commits` maps `r0` to `r4` to the repository's commits."""

    snapshots: Path
    bare: Path
    commits: dict[str, str]

    @property
    def head(self) -> Path:
        """The folder of the newest revision's files."""
        return self.snapshots / HEAD


@dataclass(frozen=True)
class Kind:
    """One Hub with the model on it; `revisions` are those that can be read.

    `lose` takes the bytes of a file of the head away as they get lost on this kind of Hub, None where they cannot be
    lost: a Hub behind HTTP has them, and what git keeps itself goes only with the repository.
    """

    hub: Hub
    model: str
    world: World
    revisions: tuple[str, ...]
    has_history: bool
    lose: Callable[[str], None] | None = None
    lists_in_part: bool = False

    def commit(self, revision: str) -> str:
        """Name a revision as this Hub does: by its commit, or the only one that a plain folder has."""
        return (
            self.world.commits[revision]
            if self.has_history or self.hub.offline
            else self.hub.resolve(self.model).commit
        )


ALL = ("r0", "r1", "r2", "r3", "r4")

Opener = Callable[[World, Path], "Iterator[Kind]"]


def make_world(zoo: Path, folder: Path) -> World:
    """Make the bare repository of the zoo's model that has a history."""
    bare = folder / "model.git"
    return World(zoo / REVISIONED, bare, zoo_repository(zoo / REVISIONED, bare))


def settings(folder: Path) -> Settings:
    """Make settings whose caches are in a folder of the test's."""
    return Settings.from_environment({"HF_HOME": str(folder / "hf"), "LINEAGE_CACHE": str(folder / "cache")})


def leave_pointer(folder: Path) -> Callable[[str], None]:
    """Make what leaves an LFS pointer of a file, as a clone without git LFS does."""

    def lose(path: str) -> None:
        content = (folder / path).read_bytes()
        (folder / path).write_bytes(format_pointer(hashlib.sha256(content).hexdigest(), len(content)))

    return lose


def drop_objects(folder: Path) -> Callable[[str], None]:
    """Make what removes all LFS objects, as a clone that fetched none has them."""

    def lose(path: str) -> None:
        for stored in [each for each in folder.rglob("*") if each.is_file() and len(each.name) == 64]:
            stored.unlink()

    return lose


def plain(world: World, folder: Path) -> Iterator[Kind]:
    """A directory Hub with a plain folder."""
    place = folder / "hub" / REVISIONED
    shutil.copytree(world.head, place)
    with DirectoryHub(folder / "hub", settings(folder)) as hub:
        yield Kind(hub, REVISIONED, world, (HEAD,), has_history=False, lose=leave_pointer(place))


def work_tree(world: World, folder: Path) -> Iterator[Kind]:
    """A directory Hub with a clone: HEAD's weights are smudged, those of older commits are LFS objects."""
    place = folder / "hub" / REVISIONED
    make_work_tree(world, place)
    with DirectoryHub(folder / "hub", settings(folder)) as hub:
        yield Kind(hub, REVISIONED, world, ALL, has_history=True, lose=leave_pointer(place))


def make_work_tree(world: World, place: Path) -> None:
    """Clone the model; git LFS is played by hand: it may not be installed."""
    place.parent.mkdir(parents=True)
    git(place.parent, "clone", "--quiet", str(world.bare), place.name)
    git(place, "fetch", "--quiet", "--update-head-ok", "origin", "refs/*:refs/*")
    shutil.copytree(world.bare / "lfs", place / ".git" / "lfs")
    for weights in world.head.glob("*.safetensors"):
        shutil.copyfile(weights, place / weights.name)
        for stored in (place / ".git" / "lfs").rglob("*"):
            if stored.is_file() and stored.read_bytes() == weights.read_bytes():
                stored.unlink()


def bare(world: World, folder: Path) -> Iterator[Kind]:
    """A directory Hub with a bare repository."""
    shutil.copytree(world.bare, folder / "hub" / f"{REVISIONED}.git")
    with DirectoryHub(folder / "hub", settings(folder)) as hub:
        yield Kind(hub, REVISIONED, world, ALL, has_history=True, lose=drop_objects(folder))


def bundle(world: World, folder: Path) -> Iterator[Kind]:
    """A directory Hub with a bundle, its LFS objects beside it."""
    place = folder / "hub" / f"{REVISIONED}.bundle"
    place.parent.mkdir(parents=True)
    git(world.bare, "bundle", "create", "--quiet", str(place), "--all", "HEAD")
    shutil.copytree(world.bare / "lfs" / "objects", place.with_suffix(".lfs"))
    with DirectoryHub(folder / "hub", settings(folder)) as hub:
        yield Kind(hub, REVISIONED, world, ALL, has_history=True, lose=drop_objects(folder))


def one_folder(world: World, folder: Path) -> Iterator[Kind]:
    """A plain folder that was given as target."""
    shutil.copytree(world.head, folder / "my model")
    with open_folder(folder / "my model", settings(folder)) as hub:
        yield Kind(hub, hub.model, world, (HEAD,), has_history=False, lose=leave_pointer(folder / "my model"))


def files_on_disk(world: World, folder: Path) -> Iterator[Kind]:
    """A clone that was given as target, by the files that are checked out."""
    place = folder / "clones" / "model"
    make_work_tree(world, place)
    with open_folder(place, settings(folder), on_disk=True) as hub:
        yield Kind(hub, hub.model, world, (HEAD,), has_history=False, lose=leave_pointer(place))


def one_repository(world: World, folder: Path) -> Iterator[Kind]:
    """A bare repository that was given as target."""
    shutil.copytree(world.bare, folder / "model.git")
    with open_folder(folder / "model.git", settings(folder)) as hub:
        yield Kind(hub, hub.model, world, ALL, has_history=True, lose=drop_objects(folder))


def cache(world: World, folder: Path) -> Iterator[Kind]:
    """The Hub client's cache after two downloads by the real client from a local Hub."""
    from huggingface_hub import snapshot_download

    with HubServer() as server:
        server.add(REVISIONED, world.bare)
        own = server.settings(folder)
        for revision in (world.commits["r2"], "main"):
            snapshot_download(
                REVISIONED, revision=revision, endpoint=server.endpoint, cache_dir=own.hub_cache, token=False
            )
    snapshot = own.hub_cache / f"models--{REVISIONED.replace('/', '--')}" / "snapshots" / world.commits[HEAD]
    with CacheHub(own) as hub:
        yield Kind(
            hub, REVISIONED, world, ("r2", HEAD), has_history=False,
            lose=lambda path: (snapshot / path).resolve().unlink(),
        )  # fmt: skip


def partial_cache(world: World, folder: Path) -> Iterator[Kind]:
    """The Hub client's cache as an older client leaves it: without the list of a revision's files."""
    for kind in cache(world, folder):
        for listed in (folder / "hf").rglob("trees/*.json"):
            listed.unlink()
        yield replace(kind, lists_in_part=True)


def huggingface(world: World, folder: Path) -> Iterator[Kind]:
    """A Hub behind HTTP: API, files from a second origin, git."""
    from lineage.hub.huggingface.hub import HuggingFaceHub

    with HubServer() as server:
        server.add(REVISIONED, world.bare)
        with HuggingFaceHub(server.settings(folder)) as hub:
            yield Kind(hub, REVISIONED, world, ALL, has_history=True)


def huggingface_without_git(world: World, folder: Path) -> Iterator[Kind]:
    """A Hub whose endpoint speaks no git: histories come through the API."""
    from lineage.hub.huggingface.hub import HuggingFaceHub

    with HubServer() as server:
        server.git = False
        server.add(REVISIONED, world.bare)
        with HuggingFaceHub(server.settings(folder)) as hub:
            yield Kind(hub, REVISIONED, world, ALL, has_history=True)


KINDS: tuple[Opener, ...] = (
    plain,
    work_tree,
    bare,
    bundle,
    one_folder,
    files_on_disk,
    one_repository,
    cache,
    partial_cache,
    huggingface,
    huggingface_without_git,
)

IN_QUICK_RUNS = frozenset({plain, bare, huggingface})
"""One kind of each sort: files without a history, a git repository, the Hub itself. The others are marked `slow`."""


def as_parameters(kinds: Sequence[Opener]) -> list[object]:
    """Make the parameters of a test that runs on several kinds of Hub, each named after its kind."""
    marks = {kind: () if kind in IN_QUICK_RUNS else (pytest.mark.slow,) for kind in kinds}
    return [pytest.param(kind, id=kind.__name__, marks=marks[kind]) for kind in kinds]


@contextmanager
def opened(opener: Opener, world: World, folder: Path) -> Iterator[Kind]:
    """Open a Hub of one kind in a folder of the test's."""
    yield from opener(world, folder)
