"""One text means one commit, whichever Hub is asked, what the store recorded, and `--since`."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.answers.lines import pick_line
from lineage.collect.options import CollectOptions
from lineage.collect.pipeline import Collection, Target
from lineage.collect.recorded import recorded_history
from lineage.collect.recorded_hub import RecordedHub
from lineage.errors import HubUnreachableError, RevisionNotFoundError
from lineage.hub.local.directory import DirectoryHub
from lineage.progress import SILENT
from lineage.store.memory import MemoryStore
from lineage.versioning.since import commits_meant
from tests.support.hub_kinds import (
    Opener,
    World,
    bare,
    bundle,
    cache,
    huggingface,
    huggingface_without_git,
    make_world,
    one_repository,
    opened,
    settings,
    work_tree,
)
from tests.support.real_git import ENVIRONMENT, GIT
from tests.support.repositories import REVISIONED, git

Meant = str | None
"""The commit that a text means; None where it means none, or more than one."""

Ask = Callable[[str], Meant]


def twins(bare_repository: Path, parent: str) -> tuple[str, str]:
    """Write two commits whose ids share their first seven digits: found among some 20,000 of which two are kept."""
    tree = git(bare_repository, "rev-parse", f"{parent}^{{tree}}")
    seen: dict[str, bytes] = {}
    for number in itertools.count():
        who = "somebody <somebody@example.org> 1720000000 +0000"
        content = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nTwin {number}\n".encode()
        digits = hashlib.sha1(b"commit %d\0" % len(content) + content).hexdigest()[:7]
        if digits in seen:
            return _written(bare_repository, seen[digits]), _written(bare_repository, content)
        seen[digits] = content
    raise AssertionError("counting never ends")


def _written(bare_repository: Path, content: bytes) -> str:
    command = [GIT, "--git-dir", str(bare_repository), "hash-object", "-t", "commit", "-w", "--stdin"]
    return (
        subprocess.run(command, input=content, env=ENVIRONMENT, capture_output=True, check=True).stdout.decode().strip()
    )


@pytest.fixture(scope="module")
def world(small_zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make the model with names that can be mistaken for others."""
    world = make_world(small_zoo, tmp_path_factory.mktemp("names"))
    r0, r1, r2, r3 = (world.commits[name] for name in ("r0", "r1", "r2", "r3"))
    one, two = twins(world.bare, r3)
    world.commits.update(one=one, two=two)
    for name, target in {
        "refs/heads/release/2.0": r1,
        "refs/heads/both": r1,
        "refs/tags/both": r2,
        "refs/heads/same": r1,
        "refs/tags/same": r1,
        f"refs/tags/{r1[:7]}": r3,
        "refs/heads/2024-01-02": r0,
        "refs/heads/one": one,
        "refs/heads/two": two,
        "refs/pr/1": r2,
    }.items():
        git(world.bare, "update-ref", name, target)
    return world


def hub_of(opener: Opener) -> Callable[[World, Path], Iterator[Ask]]:
    """Make a way to ask a Hub of one kind."""

    def ask_hub(world: World, folder: Path) -> Iterator[Ask]:
        with opened(opener, world, folder) as kind:

            def ask(text: str) -> Meant:
                try:
                    return kind.hub.resolve(kind.model, text).commit
                except (RevisionNotFoundError, HubUnreachableError):
                    return None

            yield ask

    ask_hub.__name__ = opener.__name__
    return ask_hub


def collected(world: World, folder: Path) -> tuple[DirectoryHub, MemoryStore]:
    """Collect the model from a directory Hub into a store."""
    (folder / "hub" / REVISIONED).parent.mkdir(parents=True)
    (folder / "hub" / f"{REVISIONED}.git").symlink_to(world.bare)
    hub, store = DirectoryHub(folder / "hub", settings(folder)), MemoryStore()
    for _ in Collection(hub, store, CollectOptions(pull_requests=True), SILENT).run([Target(REVISIONED)]):
        pass
    return hub, store


def recorded(world: World, folder: Path) -> Iterator[Ask]:
    """Ask the store as a Hub."""
    hub, store = collected(world, folder)
    with hub, RecordedHub(hub, store) as kept:

        def ask(text: str) -> Meant:
            try:
                return kept.resolve(REVISIONED, text).commit
            except RevisionNotFoundError:
                return None

        yield ask


def since(world: World, folder: Path) -> Iterator[Ask]:
    """Ask what `--since` means on the recorded history."""
    hub, store = collected(world, folder)
    with hub, store.reading() as view:
        history = recorded_history(view, hub.key(REVISIONED))
    assert history is not None

    def ask(text: str) -> Meant:
        only = commits_meant(history, text).only
        return only.commit if only else None

    yield ask


def line(world: World, folder: Path) -> Iterator[Ask]:
    """Ask at which commit the line ends that `check MODEL@TEXT` and `history MODEL@TEXT` look at."""
    hub, store = collected(world, folder)
    with hub, store.reading() as view:

        def ask(text: str) -> Meant:
            try:
                picked = pick_line(view, hub.key(REVISIONED), text)
            except RevisionNotFoundError:
                return None
            assert picked is not None
            return picked.line.commits[-1].id

        yield ask


ASKED = (
    *(hub_of(kind) for kind in (work_tree, bare, bundle, one_repository, huggingface, huggingface_without_git)),
    recorded,
    since,
    line,
)


@pytest.fixture(params=ASKED, ids=lambda asked: asked.__name__)
def ask(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Iterator[Ask]:
    yield from request.param(world, tmp_path)


def answers(world: World) -> dict[str, Meant]:
    """Say what each text means."""
    commits = world.commits
    r0, r1, r2, r3, r4, one, two = (commits[name] for name in ("r0", "r1", "r2", "r3", "r4", "one", "two"))
    return {
        "HEAD": r4,
        "main": r4,
        "refs/heads/main": r4,
        "Main": None,
        "v1.0": r0,
        "refs/tags/v1.0": r0,
        "refs/heads/v1.0": None,
        "tags/v1.0": None,
        "release/2.0": r1,
        "2.0": None,
        "both": None,
        "refs/heads/both": r1,
        "refs/tags/both": r2,
        "same": r1,
        "2024-01-02": r0,
        "refs/pr/1": r2,
        "pr/1": None,
        "1": None,
        r0: r0,
        r0.upper(): r0,
        r0[:7]: r0,
        r0[:12].upper(): r0,
        r0[:6]: None,
        r0[1:]: None,
        r1: r1,
        r1[:7]: r3,
        r1[:8]: r1,
        one: one,
        one[:7]: None,
        one[:20]: one,
        two[:20]: two,
        "0" * 40: None,
        "0" * 7: None,
        "folder:" + "0" * 64: None,
        "nothing": None,
    }


@pytest.mark.slow
def test_every_hub_and_the_store_take_a_text_for_the_same_commit(ask: Ask, world: World) -> None:
    """Names, ids and their beginnings mean one commit everywhere; what is ambiguous is refused everywhere."""
    expected = answers(world)
    assert {text: ask(text) for text in expected} == expected


def test_a_partial_copy_never_takes_a_text_for_another_commit(world: World, tmp_path: Path) -> None:
    """The Hub client's cache knows less, and answers nothing else: the same commit, or that it does not know."""
    with opened(cache, world, tmp_path) as kind:
        for text, expected in answers(world).items():
            try:
                assert kind.hub.resolve(kind.model, text).commit == expected
            except HubUnreachableError:
                assert expected is None or text not in ("HEAD", "main", "refs/heads/main", world.commits["r2"])
