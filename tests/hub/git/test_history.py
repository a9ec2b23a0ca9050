"""Histories out of git, the ordinary and the odd."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lineage.errors import HubError
from lineage.hub.git.history import author_key, in_order, open_objects, parse_commit, read_history
from lineage.hub.git.objects import GitObjects
from lineage.hub.lfs import format_pointer
from lineage.hub.revisions import ref_kind
from lineage_schemas.history import Commit, History
from tests.support.bare_repository import BareRepository

SHA = "ab" * 32
WHO = "somebody <somebody@example.org> 1700000000 +0000"


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    return BareRepository(tmp_path / "model.git")


def history_of(repository: BareRepository, *, pull_requests: bool = False) -> History:
    return read_history(repository.git_dir, "org/model", source="git-full", pull_requests=pull_requests)


def by_title(history: History) -> dict[str, Commit]:
    return {commit.title: commit for commit in history.commits}


def steps(commit: Commit) -> dict[str, str]:
    return {change.path: change.status for change in commit.changes or ()}


def imported(repository: BareRepository, stream: str | bytes) -> None:
    data = stream if isinstance(stream, bytes) else stream.encode()
    repository.git("fast-import", "--quiet", "--force", stdin=data)


def test_an_empty_repository_has_an_empty_history(repository: BareRepository) -> None:
    """No commit is no error, and no branch is made up."""
    history = history_of(repository)
    assert (history.commits, history.refs, history.default_branch, history.incomplete) == ((), (), None, None)


@pytest.mark.parametrize(
    ("branches", "head", "expected"),
    [
        (["develop"], "refs/heads/develop", "develop"),
        (["master"], "refs/heads/main", "master"),
        (["a", "main"], "refs/heads/gone", "main"),
        (["a", "master"], "refs/heads/gone", "master"),
        (["a", "b"], "refs/heads/gone", None),
        (["a", "main"], "refs/heads/a", "a"),
    ],
)
def test_the_default_branch_is_what_head_says(
    repository: BareRepository, branches: list[str], head: str, expected: str | None
) -> None:
    """Where HEAD names nothing that exists, only a plain choice is made, and else none."""
    for branch in branches:
        repository.commit({"a": branch.encode()}, f"on {branch}", branch=f"refs/heads/{branch}")
    repository.git("symbolic-ref", "HEAD", head)
    assert history_of(repository).default_branch == (expected and f"refs/heads/{expected}")


def test_a_detached_head_is_read_too(repository: BareRepository) -> None:
    """A commit that only HEAD knows belongs to the history; no branch is the default one then."""
    repository.commit({"a": b"1"}, "first", branch="refs/heads/x")
    repository.commit({"a": b"2"}, "second", branch="refs/heads/y")
    lost = repository.commit({"a": b"3"}, "third", branch="refs/heads/gone")
    repository.git("update-ref", "--no-deref", "HEAD", lost)
    repository.git("update-ref", "-d", "refs/heads/gone")
    history = history_of(repository)
    assert lost in {commit.id for commit in history.commits}
    assert history.default_branch is None


def test_changes_are_against_the_first_parent(repository: BareRepository) -> None:
    """A merge changes what it brought into its own line; each root adds all that it holds."""
    repository.commit({"a": b"1"}, "root")
    side = repository.commit({"b": b"1"}, "side", branch="refs/heads/side")
    repository.commit({"c": b"1"}, "main")
    repository.commit({"b": b"1"}, "merge", merge=side)
    imported(repository, f"commit refs/heads/other\ncommitter {WHO}\ndata 5\nother\nM 644 inline z\ndata 1\nz\n")
    commits = by_title(history_of(repository))
    assert steps(commits["root"]) == {"a": "A"}
    assert steps(commits["side"]) == {"b": "A"}
    assert steps(commits["merge"]) == {"b": "A"}
    assert commits["merge"].parents == (commits["main"].id, side)
    assert (steps(commits["other"]), commits["other"].parents) == ({"z": "A"}, ())


def test_an_empty_commit_changes_nothing(repository: BareRepository) -> None:
    """No change is an empty tuple; unknown would be None."""
    repository.commit({"a": b"1"}, "first")
    repository.commit({"a": b"1"}, "same")
    assert by_title(history_of(repository))["same"].changes == ()


def test_renames_are_two_changes(repository: BareRepository) -> None:
    """A rename is a deletion and an addition with equal identity: what it means is judged elsewhere."""
    repository.commit({"a.bin": b"1" * 5000}, "first")
    repository.commit({"a.bin": None, "b.bin": b"1" * 5000}, "renamed")
    old, new = by_title(history_of(repository))["renamed"].changes or ()
    assert [(old.path, old.status), (new.path, new.status)] == [("a.bin", "D"), ("b.bin", "A")]
    assert old.old is not None
    assert old.old == new.new
    assert old.old.sha256 is not None


def test_odd_paths_survive(repository: BareRepository) -> None:
    """Quotes, newlines, spaces and other scripts are kept; bytes that are no UTF-8 are written as escapes."""
    imported(
        repository,
        b"commit refs/heads/main\ncommitter " + WHO.encode() + b"\ndata 3\nodd\n"
        b'M 644 inline "a\\nb\\"c\\\\d\\te"\ndata 1\n1\n'
        b'M 644 inline "bad-\\377.bin"\ndata 1\n2\n'
        b"M 644 inline training_args (1).bin\ndata 1\n3\n"
        b'M 644 inline "\\346\\250\\241\\345\\236\\213/:x"\ndata 1\n4\n',
    )
    expected = {'a\nb"c\\d\te', "bad-\\xff.bin", "training_args (1).bin", "模型/:x"}
    history = history_of(repository)
    assert set(steps(history.commits[0])) == expected
    objects = open_objects(repository.git_dir, "org/model")
    assert {entry.path for entry in objects.tree(history.commits[0].id)} == expected
    objects.close()
    history.model_dump_json()


def test_links_submodules_and_types(repository: BareRepository) -> None:
    """A link is a small file with its own identity, a submodule none, a change of type a modification."""
    first = "M 120000 inline link\ndata 6\ntarget\nM 160000 " + "1" * 40 + " sub\nM 644 inline x\ndata 1\nx\n"
    second = "M 160000 " + "2" * 40 + " sub\nM 755 inline x\ndata 1\nx\nM 644 inline link\ndata 4\nfile\n"
    third = "M 644 inline sub\ndata 1\ns\nM 160000 " + "3" * 40 + " x\n"
    for title, lines in (("first", first), ("second", second), ("third", third)):
        after = "" if title == "first" else "from refs/heads/main^0\n"
        imported(repository, f"commit refs/heads/main\ncommitter {WHO}\ndata {len(title)}\n{title}\n{after}{lines}\n")
    commits = by_title(history_of(repository))
    assert steps(commits["first"]) == {"link": "A", "x": "A"}
    assert steps(commits["second"]) == {"link": "M"}
    assert steps(commits["third"]) == {"sub": "A", "x": "D"}
    objects = open_objects(repository.git_dir, "org/model")
    assert [entry.path for entry in objects.tree(commits["second"].id)] == ["link", "x"]
    objects.close()


def test_tags_are_peeled_to_commits(repository: BareRepository) -> None:
    """Annotated tags, and tags of tags, mean a commit; a tag of anything else is none of a model's."""
    commit = repository.commit({"a": b"1"}, "first")
    repository.git("tag", "light")
    repository.tag("annotated")
    repository.tag("nested", "annotated")
    repository.git("tag", "of-a-tree", f"{commit}^{{tree}}")
    repository.git("update-ref", "refs/notes/commits", commit)
    repository.git("update-ref", "refs/convert/onnx", commit)
    refs = {ref.name: (ref.kind, ref.target) for ref in history_of(repository).refs}
    assert refs == {
        "refs/convert/onnx": ("convert", commit),
        "refs/heads/main": ("branch", commit),
        **{f"refs/tags/{name}": ("tag", commit) for name in ("annotated", "light", "nested")},
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("refs/pr/3", "pull_request"),
        ("refs/pull/3/head", "pull_request"),
        ("refs/pr/x", None),
        ("refs/remotes/o/a", None),
    ],
)
def test_refs_are_sorted_by_kind(name: str, kind: str | None) -> None:
    """Only what names a state of the model is a ref of the model."""
    assert ref_kind(name) == kind


def test_pull_requests_are_numbered(repository: BareRepository) -> None:
    """A commit came by a pull request if only its ref reaches it, or if its title says so."""
    repository.commit({"a": b"1"}, "first")
    repository.commit({"a": b"2"}, "Fix the config (#12)")
    repository.commit({"a": b"3"}, "open", branch="refs/pr/15")
    history = history_of(repository, pull_requests=True)
    assert [commit.pull_request for commit in history.commits] == [None, 12, 15]
    assert [commit.title for commit in history_of(repository).commits] == ["first", "Fix the config (#12)"]


def test_a_shallow_clone_says_what_it_lacks(repository: BareRepository, tmp_path: Path) -> None:
    """The oldest commit's changes are unknown and not a first upload, and the history tells why."""
    for number in range(4):
        repository.commit({"a": str(number).encode()}, f"commit {number}")
    clone = [
        "git",
        "clone",
        "--quiet",
        "--bare",
        "--depth=2",
        repository.git_dir.as_uri(),
        str(tmp_path / "shallow.git"),
    ]
    subprocess.run(clone, check=True)
    history = read_history(tmp_path / "shallow.git", "org/model", source="git-full")
    assert [(commit.title, commit.changes is None) for commit in history.commits] == [
        ("commit 2", True),
        ("commit 3", False),
    ]
    assert history.incomplete is not None
    assert "shallow" in history.incomplete


def test_missing_objects_are_unknown(repository: BareRepository) -> None:
    """Without a blob its size is unknown, without a tree the changes are, and the rest is told as ever."""
    repository.commit({"config.json": b"{}"}, "first")
    repository.commit({"folder/config.json": b"[]"}, "second")
    repository.commit({"b": b"3"}, "third")
    for name in ("main~2:config.json", "main~1:folder"):
        lose(repository, repository.git("rev-parse", name))
    history = history_of(repository)
    commits = by_title(history)
    assert commits["first"].changes is not None
    lost = commits["first"].changes[0].new
    assert lost is not None
    assert (lost.blob_id, lost.size, lost.sha256) == (repository.git("rev-parse", "main~2:config.json"), None, None)
    assert commits["second"].changes is None
    assert history.incomplete is not None
    assert "trees are missing" in history.incomplete
    objects = open_objects(repository.git_dir, "org/model")
    with pytest.raises(HubError, match="missing"):
        objects.tree(commits["second"].id)
    objects.close()


def lose(repository: BareRepository, name: str) -> None:
    """Take one object out of a repository, packed or not."""
    objects = repository.git_dir / "objects"
    packs = list((objects / "pack").glob("*.pack"))
    for pack in packs:
        moved = pack.rename(repository.git_dir / pack.name)
        pack.with_suffix(".idx").unlink()
        repository.git("unpack-objects", "-q", stdin=moved.read_bytes())
        moved.unlink()
    (objects / name[:2] / name[2:]).unlink()


def test_a_broken_object_hides_nothing_else(repository: BareRepository) -> None:
    """Where git gives up on an object, the next question is answered all the same."""
    repository.commit({"a": b"one", "b": b"two", "c": b"three"}, "first")
    a, b, c = (repository.git("rev-parse", f"main:{name}") for name in "abc")
    lose(repository, b)
    place = repository.git_dir / "objects" / b[:2] / b[2:]
    place.write_bytes(b"no zlib stream")
    objects = open_objects(repository.git_dir, "org/model")
    assert objects.contents([a, b, c]) == [b"one", None, b"three"]
    objects.close()


def raw_commit(repository: BareRepository, *headers: bytes, body: bytes = b"title\n") -> bytes:
    tree = repository.git("hash-object", "-w", "-t", "tree", os.devnull).encode()
    return b"\n".join([b"tree " + tree, *headers]) + b"\n\n" + body


def test_signatures_and_encodings_are_seen(repository: BareRepository) -> None:
    """A signed commit is known to be signed, and a text is read in the encoding that its commit names."""
    who = WHO.encode()
    signature = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----"
    signed = parse_commit("1" * 40, raw_commit(repository, b"author " + who, b"committer " + who, signature))
    latin = parse_commit(
        "2" * 40,
        raw_commit(
            repository, b"author " + who, b"committer " + who, b"encoding latin1", body=b"caf\xe9\n\nna\xefve\n"
        ),
    )
    odd = parse_commit("3" * 40, raw_commit(repository, b"committer " + who, b"encoding \xff", body=b"\xff\xfe"))
    assert signed is not None
    assert (signed.signed, signed.title) == (True, "title")
    assert latin is not None
    assert (latin.signed, latin.title, latin.message) == (False, "café", "naïve")
    assert odd is not None
    assert (odd.author_key, odd.title) == (None, "\ufffd\ufffd")
    assert parse_commit("4" * 40, b"no commit at all") is None


def test_a_message_is_read_whole_or_not_at_all(repository: BareRepository) -> None:
    """A message of megabytes is read to its end; one that is too long is unknown, and the history says so."""
    repository.commit({"a": b"a"}, "long\n\n" + "x" * 1_500_000 + " end")
    assert history_of(repository).commits[-1].message.endswith(" end")
    assert history_of(repository).incomplete is None
    commit = repository.commit({"a": b"b"}, "longer\n\n" + "x" * 10_000_001)
    history = history_of(repository)
    assert (history.commits[-1].id, history.commits[-1].title, history.commits[-1].message) == (commit, "", "")
    assert history.commits[-1].changes
    assert commit[:12] in (history.incomplete or "")


ZONES = (" -0930", " +9999", " +051800", " -7", " UTC", "")


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("0 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        *((f"1700000000{zone}", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)) for zone in ZONES),
        ("999999999999999 +0000", None),
        ("292277026596 +0000", None),
        ("never", None),
    ],
)
def test_dates_are_utc_or_unknown(repository: BareRepository, date: str, expected: datetime | None) -> None:
    """The committer's date counts, whatever its zone; an impossible one is unknown."""
    commit = parse_commit("1" * 40, raw_commit(repository, f"committer a <a@b> {date}".encode()))
    assert commit is not None
    assert commit.date == expected


def test_author_keys_never_change() -> None:
    """Stores made on different machines and days can be joined: the key of a name is fixed for ever."""
    key = author_key(b"Ada Lovelace <Ada@Example.org> 1700000000 +0000")
    assert key == author_key(b"ada lovelace <ada@example.ORG> 1 -0100") == "f627cd8d5c74db42c4f4adea28adbf1e"
    assert key != author_key(b"Ada Lovelace <other@example.org> 1700000000 +0000")


def test_order_is_topological_then_by_date(repository: BareRepository) -> None:
    """Parents come first even where clocks were wrong; of commits that could come next the oldest does."""
    dates = {"root": 500, "early": 100, "late": 300, "child": 50}
    ids = {name: digit * 40 for name, digit in zip(dates, "1234", strict=True)}
    parents = {"root": [], "early": ["root"], "late": ["root"], "child": ["late"]}
    raw = []
    for name in ("child", "late", "early", "root"):
        lines = [f"parent {ids[parent]}".encode() for parent in parents[name]]
        commit = parse_commit(
            ids[name], raw_commit(repository, *lines, f"committer a <a@b> {dates[name]} +0000".encode())
        )
        assert commit is not None
        raw.append(commit)
    assert [commit.id for commit in in_order(raw)] == [ids[name] for name in ("root", "early", "late", "child")]


@pytest.mark.slow
def test_thousands_of_commits_are_no_burden(repository: BareRepository) -> None:
    """A history of three thousand pushes of weights is read whole, in one diff and not in thousands."""
    lines = []
    for number in range(3000):
        pointer = format_pointer(f"{number:064x}", number).decode()
        lines.append(
            f"commit refs/heads/main\ncommitter a <a@b> {1_600_000_000 + number} +0000\ndata 2\nup\n"
            f"M 644 inline model.safetensors\ndata {len(pointer)}\n{pointer}\n"
        )
    imported(repository, "".join(lines))
    history = history_of(repository)
    assert len(history.commits) == 3000
    assert [c.changes[0].new.sha256 for c in history.commits if c.changes and c.changes[0].new][-1] == f"{2999:064x}"


@pytest.mark.slow
def test_questions_larger_than_a_pipe_do_not_hang(repository: BareRepository) -> None:
    """Ten thousand ids at once are asked for in portions that fit between two processes."""
    repository.commit({"a": b"x" * 1000}, "first")
    blob = repository.git("rev-parse", "main:a")
    objects = GitObjects(repository.git_dir / "objects", "org/model")
    assert objects.contents([blob] * 10_000) == [b"x" * 1000] * 10_000
    assert objects.infos(["0" * 40] * 10_000) == [None] * 10_000
    objects.close()
