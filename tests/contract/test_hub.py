"""What every Hub keeps to, whatever stands behind it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from lineage.errors import (
    FileNotInRevisionError,
    HubError,
    HubUnreachableError,
    ModelNotFoundError,
    RevisionNotFoundError,
)
from lineage.hub.lfs import belongs_in_lfs, git_blob_id, pointer_blob_id
from lineage_schemas.ids import split_model_key
from lineage_schemas.snapshot import ResolvedRevision
from tests.support.hub_kinds import HEAD, KINDS, Kind, Opener, World, as_parameters, make_world, opened
from tests.support.repositories import REVISIONED, git

WEIGHTS = "model.safetensors"

WITH_GIT = ("work_tree", "bare", "bundle", "one_repository", "huggingface")


def test_the_default_revision_is_the_newest(kind: Kind, head: ResolvedRevision) -> None:
    """Without a revision the default branch's head is meant, and the answer says what was asked."""
    assert (head.model, head.asked, head.commit) == (kind.model, kind.model, kind.commit(HEAD))
    assert kind.hub.resolve(kind.model) == head


def test_ids_in_other_case_are_the_same_model(kind: Kind, head: ResolvedRevision) -> None:
    """A name that differs from an id only in the case of its letters means that model, under its canonical id."""
    asked = kind.model.swapcase()
    found = kind.hub.resolve(asked)
    assert (found.model, found.asked, found.commit) == (kind.model, asked, head.commit)
    assert kind.hub.history(asked).model == kind.model


def test_every_revision_is_found_by_its_commit(kind: Kind) -> None:
    """A commit id means itself, and so does a beginning of it that fits nothing else."""
    for revision in kind.revisions:
        commit = kind.commit(revision)
        assert kind.hub.resolve(kind.model, commit).commit == commit
        assert kind.hub.resolve(kind.model, commit[:16]).commit == commit


def test_refs_are_resolved_and_named(kind: Kind) -> None:
    """Branches and tags are found by short and by full name, and the answer carries the full one."""
    if not kind.has_history:
        pytest.skip("no refs here")
    expected = {"main": ("refs/heads/main", HEAD), "v1.0": ("refs/tags/v1.0", "r0"), "v1.1": ("refs/tags/v1.1", HEAD)}
    for name, (full, revision) in expected.items():
        for asked in (name, full):
            found = kind.hub.resolve(kind.model, asked)
            assert (found.ref, found.commit) == (full, kind.commit(revision))


@pytest.mark.parametrize("revision", ["no-such-branch", "0123456789", "f" * 40, "refs/heads/nothing"])
def test_an_unknown_revision_is_refused(kind: Kind, revision: str) -> None:
    """A name that means nothing is never taken for another revision; a partial copy only says that it does not know."""
    expected = HubUnreachableError if kind.hub.offline else RevisionNotFoundError
    with pytest.raises(expected) as refused:
        kind.hub.resolve(kind.model, revision)
    assert refused.value.model == kind.model


@pytest.mark.parametrize("model", ["nobody/nothing", "nothing"])
def test_an_unknown_model_is_refused(kind: Kind, model: str) -> None:
    """A model that is not there is named in the error; a partial copy only says that it does not know."""
    expected = HubUnreachableError if kind.hub.offline else ModelNotFoundError
    with pytest.raises(expected) as refused:
        kind.hub.resolve(model)
    assert refused.value.model == model


@pytest.mark.parametrize("model", ["../../etc", "a/b/c", "", "a b/c", "/etc", "a/..", "a/b-"])
def test_what_is_no_id_is_refused(kind: Kind, model: str) -> None:
    """An id that could lead anywhere else is an error of ours, not of the file system or the client."""
    with pytest.raises(HubError):
        kind.hub.resolve(model)


def test_a_snapshot_names_every_file(kind: Kind, head: ResolvedRevision) -> None:
    """Paths, sizes and identities are those of the real files: sha256 for weights, git's blob id for texts."""
    snapshot = kind.hub.snapshot(head)
    files = {entry.path: entry for entry in snapshot.files}
    real = {path.name: path.read_bytes() for path in kind.world.head.iterdir()}
    assert list(files) == sorted(real)
    for name, content in real.items():
        assert files[name].size == len(content)
        if belongs_in_lfs(name, len(content)):
            assert files[name].sha256 == sha256_of(content)
            assert files[name].blob_id == pointer_blob_id(sha256_of(content), len(content))
        else:
            assert files[name].blob_id == git_blob_id(content)


def test_a_snapshot_reads_card_and_config(kind: Kind, head: ResolvedRevision) -> None:
    """The card's metadata, its whole text and the config come with the files; nothing was unreadable."""
    snapshot = kind.hub.snapshot(head)
    assert snapshot.card is not None
    assert snapshot.card["base_model"] == "heronml/heron-gpt2-tiny"
    assert snapshot.card_text == (kind.world.head / "README.md").read_text("utf-8")
    assert snapshot.config is not None
    assert snapshot.config["model_type"] == "gpt2"
    assert snapshot.unreadable == {}


@pytest.mark.parametrize(
    ("content", "card", "text"),
    [
        (b"---\nbase_model: a/b\nauthor: Andr\xe9\n---\n# Caf\xe9\n", {"base_model": "a/b", "author": "Andr\ufffd"},
         "# Caf\ufffd"),
        (b"\xff\xfe-\0-\0-\0\n\0", None, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("opener", as_parameters(KINDS))
def test_a_card_that_is_no_utf8_is_read_one_way(
    opener: Opener, small_zoo: Path, tmp_path: Path, content: bytes, card: object, text: str | None
) -> None:
    """Metadata that stand out among other bytes are read, and a card without any is unreadable, on every Hub alike."""
    shutil.copytree(small_zoo / REVISIONED, tmp_path / "zoo" / REVISIONED)
    (tmp_path / "zoo" / REVISIONED / HEAD / "README.md").write_bytes(content)
    with opened(opener, make_world(tmp_path / "zoo", tmp_path / "world"), tmp_path / "opened") as kind:
        snapshot = kind.hub.snapshot(kind.hub.resolve(kind.model))
    assert snapshot.card == card
    assert snapshot.card_text == (None if text is None else f"---\nbase_model: a/b\nauthor: Andr\ufffd\n---\n{text}\n")
    assert snapshot.unreadable == ({} if card else {"README.md": "it is no UTF-8 text"})


def test_every_revision_is_read_as_it_was(kind: Kind) -> None:
    """Files of older commits are those of that commit, weights included."""
    for revision in kind.revisions:
        for path in (kind.world.snapshots / revision).iterdir():
            assert kind.hub.read(kind.model, kind.commit(revision), path.name) == path.read_bytes()


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_ranges_are_cut_like_slices(kind: Kind, head: ResolvedRevision, name: str) -> None:
    """A range is exactly the bytes asked for, fewer only where the file ends."""
    content = (kind.world.head / name).read_bytes()
    end = len(content)
    for start, length in [(0, 8), (3, 5), (end - 4, 10), (end, 5), (end + 7, 5), (0, 0), (5, None)]:
        expected = content[start:] if length is None else content[start : start + length]
        assert kind.hub.read(head.model, head.commit, name, start, length) == expected


def test_a_stream_is_the_whole_file(kind: Kind, head: ResolvedRevision) -> None:
    """Chunks join to the file, and no chunk holds a large part of memory."""
    for name in (WEIGHTS, "README.md"):
        chunks = list(kind.hub.stream(head.model, head.commit, name))
        assert b"".join(chunks) == (kind.world.head / name).read_bytes()
        assert max(map(len, chunks)) <= 16 << 20


def test_a_local_path_holds_exactly_these_bytes(kind: Kind, head: ResolvedRevision) -> None:
    """Where there is a path it can be read instead; local Hubs have one for weights."""
    path = kind.hub.local_path(head.model, head.commit, WEIGHTS)
    assert (path is not None) == kind.hub.is_local
    if path is not None:
        assert path.read_bytes() == (kind.world.head / WEIGHTS).read_bytes()


@pytest.mark.parametrize("path", ["nothing.bin", "../config.json", "config.json/x", "a\nb", "/etc/passwd"])
def test_a_file_that_is_not_there_is_refused(kind: Kind, head: ResolvedRevision, path: str) -> None:
    """No path leads out of the revision, and none is answered with another file."""
    with pytest.raises(FileNotInRevisionError):
        kind.hub.read(head.model, head.commit, path)
    with pytest.raises(FileNotInRevisionError):
        list(kind.hub.stream(head.model, head.commit, path))


def test_a_history_is_in_order_and_closed(kind: Kind, head: ResolvedRevision) -> None:
    """Parents stand before children, refs point into the history, the default branch is one of them."""
    history = kind.hub.history(kind.model)
    ids = [commit.id for commit in history.commits]
    assert head.commit in ids
    assert len(set(ids)) == len(ids)
    for place, commit in enumerate(history.commits):
        assert set(commit.parents) <= set(ids[:place])
    assert {ref.target for ref in history.refs} <= set(ids)
    assert history.default_branch in {None, *(ref.name for ref in history.refs)}


def test_a_history_invents_nothing(kind: Kind) -> None:
    """Where commits in between are not known, changes are unknown and not empty, and the history says that it lacks."""
    history = kind.hub.history(kind.model)
    unknown = [commit for commit in history.commits if commit.changes is None]
    assert (history.incomplete is not None) == bool(unknown)
    assert bool(unknown) == kind.hub.offline


def test_a_whole_history_tells_every_step(kind: Kind) -> None:
    """Titles, dates, tags and changes with both identities are those that were pushed."""
    if not kind.has_history:
        pytest.skip("no history here")
    history = kind.hub.history(kind.model)
    commits = {name: next(c for c in history.commits if c.id == kind.commit(name)) for name in kind.revisions}
    assert [c.id for c in history.commits] == [kind.commit(name) for name in kind.revisions]
    assert {ref.name: ref.target for ref in history.refs} == {
        "refs/heads/main": kind.commit("r4"),
        "refs/tags/v1.0": kind.commit("r0"),
        "refs/tags/v1.1": kind.commit("r4"),
    }
    assert history.default_branch == "refs/heads/main"
    assert commits["r4"].title == "v1.1: retrained on more licences"
    assert commits["r2"].date is not None
    assert commits["r2"].date.isoformat() == "2024-04-11T17:12:00+00:00"
    assert _steps(commits["r1"].changes) == {("M", "README.md")}
    assert _steps(commits["r3"].changes) == {
        ("D", "model.safetensors"),
        ("A", "model-00001-of-00002.safetensors"),
        ("A", "model-00002-of-00002.safetensors"),
        ("A", "model.safetensors.index.json"),
    }
    (silent,) = commits["r2"].changes or ()
    assert (silent.status, silent.path) == ("M", WEIGHTS)
    assert silent.old is not None
    assert silent.new is not None
    assert silent.old.sha256 == sha256_of((kind.world.snapshots / "r1" / WEIGHTS).read_bytes())
    assert silent.new.sha256 == sha256_of((kind.world.snapshots / "r2" / WEIGHTS).read_bytes())


def test_models_are_listed(kind: Kind) -> None:
    """Lists can be cut, and narrowed to an author or to the declared children of a model."""
    author = kind.model.rpartition("/")[0]
    assert list(kind.hub.list_models()) == [kind.model]
    assert list(kind.hub.list_models(limit=1)) == [kind.model]
    assert list(kind.hub.list_models(author="nobody-of-that-name")) == []
    if author:
        assert list(kind.hub.list_models(author=author)) == [kind.model]
    assert list(kind.hub.list_models(base="heronml/heron-gpt2-tiny")) == [kind.model]
    assert list(kind.hub.list_models(base="heronml/another")) == []


def test_the_key_carries_the_hub(kind: Kind) -> None:
    """A model of this Hub is told apart from one of the same name elsewhere."""
    assert split_model_key(kind.hub.key(kind.model)) == (kind.hub.name, kind.model)


def test_what_a_reading_costs_is_counted(kind: Kind, head: ResolvedRevision) -> None:
    """Bytes of content are counted as they are read, requests only where there is a network."""
    before = kind.hub.cost()
    kind.hub.read(head.model, head.commit, WEIGHTS, 0, 1000)
    after = kind.hub.cost()
    assert after.bytes_read - before.bytes_read == 1000
    assert (after.requests > before.requests) == (not kind.hub.is_local)
    assert after.local == kind.hub.is_local


def test_a_list_says_whether_it_is_partial(kind: Kind, head: ResolvedRevision) -> None:
    """Only a cache without the Hub's list may lack files; there a file that is not listed may exist all the same."""
    snapshot = kind.hub.snapshot(head)
    is_partial = snapshot.partial is not None
    assert is_partial == kind.lists_in_part
    assert snapshot.may_have("adapter_config.json") == is_partial
    assert not snapshot.may_have("config.json")
    assert (snapshot.without_bytes, snapshot.changed_on_disk) == ({}, {})


def test_a_file_whose_bytes_are_lost_keeps_its_name(kind: Kind, head: ResolvedRevision) -> None:
    """A pointer, a link to nowhere and an LFS object that is not here: the file is listed and cannot be read."""
    if kind.lose is None:
        pytest.skip("its bytes cannot be lost")
    before = {entry.path: entry for entry in kind.hub.snapshot(head).files}[WEIGHTS]
    kind.lose(WEIGHTS)
    kind.hub.close()
    again = kind.hub.resolve(kind.model)
    files = {entry.path: entry for entry in kind.hub.snapshot(again).files}
    assert files[WEIGHTS].sha256 == before.sha256
    for read in (kind.hub.read, kind.hub.local_path):
        with pytest.raises(FileNotInRevisionError) as refused:
            read(again.model, again.commit, WEIGHTS)
        assert refused.value.hint
    with pytest.raises(FileNotInRevisionError):
        list(kind.hub.stream(again.model, again.commit, WEIGHTS))
    assert kind.hub.read(again.model, again.commit, "config.json") == (kind.world.head / "config.json").read_bytes()


def test_letter_case_of_an_id_does_not_matter(kind: Kind, head: ResolvedRevision) -> None:
    """An id in other case means the same model, and the answer has the Hub's spelling."""
    found = kind.hub.resolve(kind.model.upper())
    assert (found.model, found.commit, found.asked) == (kind.model, head.commit, kind.model.upper())
    assert kind.hub.history(kind.model.upper()).model == kind.model


@pytest.mark.parametrize(
    ("date", "read"),
    [("1000000000 +0000", "2001-09-09T01:46:40+00:00"), ("99999999999999999 +0000", None), ("1700000000 +9999", None),
     ("soon", None)],
)  # fmt: skip
@pytest.mark.parametrize("opener", as_parameters([kind for kind in KINDS if kind.__name__ in WITH_GIT]))
def test_a_commit_with_any_date_is_read(
    opener: Opener, date: str, read: str | None, small_zoo: Path, tmp_path: Path
) -> None:
    """A date before the parent's, or one that cannot be read, hides no commit and no change of it."""
    if opener.__name__ == "huggingface" and date.startswith("99999"):
        pytest.skip("the client refuses such a date in the API's answer about the model")
    world = make_world(small_zoo, tmp_path / "world")
    odd = odd_commit(world, date)
    with opened(opener, world, tmp_path / "opened") as kind:
        history = kind.hub.history(kind.model)
        assert kind.hub.resolve(kind.model).commit == odd
        (commit,) = [each for each in history.commits if each.id == odd]
        if "+9999" not in date:
            assert (commit.date and commit.date.isoformat()) == read
        assert commit.parents == (world.commits[HEAD],)
        assert _steps(commit.changes) == {("D", "README.md")}


def odd_commit(world: World, date: str) -> str:
    """Add a commit without a card to the model, with a committer's date written as it is given."""
    tree = git(world.bare, "ls-tree", world.commits[HEAD])
    rows = "".join(f"{row}\n" for row in tree.splitlines() if not row.endswith("\tREADME.md"))
    who = f"publisher <publisher@example.org> {date}"
    text = f"tree {git(world.bare, 'mktree', stdin=rows.encode())}\nparent {world.commits[HEAD]}\n"
    text += f"author {who}\ncommitter {who}\n\nsince yesterday\n"
    commit = git(world.bare, "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode())
    git(world.bare, "update-ref", "refs/heads/main", commit)
    return commit


def test_a_hub_that_was_closed_twice_reads_again(kind: Kind, head: ResolvedRevision) -> None:
    """A Hub can be closed when it is closed already, as after a failure, and the next read opens it again."""
    before = kind.hub.snapshot(head)
    kind.hub.close()
    kind.hub.close()
    assert kind.hub.snapshot(head) == before


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _steps(changes: object) -> set[tuple[str, str]]:
    assert isinstance(changes, tuple)
    return {(change.status, change.path) for change in changes}
