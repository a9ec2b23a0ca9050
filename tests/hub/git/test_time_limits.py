"""Git processes that hang, bundles that are none, and what a server lists."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from lineage.errors import HubAnswerError, HubError, HubUnreachableError
from lineage.hub.git import program
from lineage.hub.local.directory import DirectoryHub
from tests.support import hostile_repositories as hostile
from tests.support.hub_kinds import settings

MODEL = "org/model"

pytestmark = pytest.mark.timeout(120)


def place_of(tmp_path: Path) -> Path:
    place = tmp_path / "hub" / f"{MODEL}.git"
    place.parent.mkdir(parents=True)
    return place


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "it is not a regular file"),
        (b"PK\x03\x04", "its first line does not say so"),
        (b"# v2 git bundle\n" + b"a" * 10_000, "a line of its header is too long"),
        (b"# v2 git bundle\n" + b"a" * 40, "its header does not end"),
        (b"# v2 git bundle\n" + (b"a" * 40 + b" refs/heads/main\n") * 1_000_001, "more than 1,000,000 lines"),
        (b"", "its first line does not say so"),
    ],
)
def test_what_is_not_a_bundle_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    """A pipe, a device, a file without an end of its header: none of them is given to git."""
    bundle = tmp_path / "hub" / f"{MODEL}.bundle"
    bundle.parent.mkdir(parents=True)
    if content is None:
        os.mkfifo(bundle)
    else:
        bundle.write_bytes(content)
        os.truncate(bundle, 1 << 40) if content.startswith(b"# v2") and len(content) == 10_016 else None
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        assert list(hub.models()) == [MODEL]
        with pytest.raises(HubAnswerError, match=why) as refused:
            hub.resolve(MODEL)
    assert refused.value.hint


def test_a_truncated_bundle_is_not_called_unreachable(tmp_path: Path) -> None:
    """What a file lacks is not a fault of a network."""
    repository = hostile.good_model(tmp_path / "there.git")
    bundle = tmp_path / "hub" / f"{MODEL}.bundle"
    bundle.parent.mkdir(parents=True)
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    os.truncate(bundle, bundle.stat().st_size - 200)
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub, pytest.raises(HubError) as refused:
        hub.resolve(MODEL)
    assert not isinstance(refused.value, HubUnreachableError)


def test_the_default_branch_of_a_bundle_is_main(tmp_path: Path) -> None:
    """A bundle does not say which branch HEAD names: another branch on the same commit is not preferred to `main`."""
    repository = hostile.good_model(tmp_path / "there.git")
    repository.git("update-ref", "refs/heads/aaa", "main")
    bundle = tmp_path / "hub" / f"{MODEL}.bundle"
    bundle.parent.mkdir(parents=True)
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    with DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub:
        assert hub.history(MODEL).default_branch == "refs/heads/main"


@pytest.mark.slow
@pytest.mark.parametrize("hangs_at", ["for-each-ref", "config", "cat-file", "clone"])
def test_a_git_that_prints_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs_at: str) -> None:
    """Each git process has a time limit of its own, and a local repository is not called unreachable for it."""
    repository = hostile.good_model(place_of(tmp_path))
    if hangs_at == "clone":
        repository.git("bundle", "create", "--quiet", str(tmp_path / "hub" / f"{MODEL}.bundle"), "--all", "HEAD")
        shutil.rmtree(repository.git_dir)
    real = shutil.which("git")
    (tmp_path / "bin").mkdir()
    script = f'#!/bin/sh\nfor word in "$@"; do [ "$word" = {hangs_at} ] && exec sleep 100; done\nexec {real} "$@"\n'
    (tmp_path / "bin" / "git").write_text(script)
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(program, "READ_SILENCE", 1.0)
    monkeypatch.setattr(program, "FETCH_SILENCE", 1.0)
    start = time.monotonic()
    with (
        DirectoryHub(tmp_path / "hub", settings(tmp_path)) as hub,
        pytest.raises(HubAnswerError, match="printed nothing for 1 s"),
    ):
        hub.snapshot(hub.resolve(MODEL))
    assert time.monotonic() - start < 20


@pytest.mark.slow
def test_progress_starts_the_time_limit_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git that takes longer than its limit and prints something now and then is not ended."""
    (tmp_path / "bin").mkdir()
    script = (
        '#!/bin/sh\n[ "$1" = --version ] && { echo git version 2.50.0; exit; }\n'
        '[ "$1" = rev-parse ] && { echo .; exit; }\n'
        "for n in 1 2 3 4 5 6; do sleep 0.5; echo $n >&2; done; echo done\n"
    )
    (tmp_path / "bin" / "git").write_text(script)
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    done = program.run_git(["fetch"], model=MODEL, silence=2.0)
    assert done.stdout == b"done\n"
    with pytest.raises(HubUnreachableError, match="printed nothing"):
        program.run_git(["fetch"], model=MODEL, silence=0.1, is_remote=True)


def test_refs_of_a_server_are_cut_at_line_feeds() -> None:
    """A name of a server's list may hold every other end of a line, and stays one name."""
    row = "\u2028" + "2" * 40 + "\trefs/heads/main"
    output = (
        f"ref: refs/heads/main\tHEAD\n{'1' * 40}\tHEAD\n{'1' * 40}\trefs/heads/main\n{'2' * 40}\trefs/heads/z{row}\n"
    )
    odd = (
        b"3" * 40 + b"\trefs/heads/\xff\n" + b"4" * 40 + b"\trefs/heads/\xfe\n" + b"5" * 40 + b"\trefs/x/refs/heads/y\n"
    )
    head, refs = program.parse_refs(output.encode() + odd, ["refs/heads/", "refs/tags/"])
    assert (head, refs[b"refs/heads/main"]) == (b"refs/heads/main", b"1" * 40)
    assert (refs[b"refs/heads/\xff"], refs[b"refs/heads/\xfe"], len(refs)) == (b"3" * 40, b"4" * 40, 4)
