"""Targets of git: objects, refs, pointers and bundles."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lineage.errors import HubAnswerError, HubError
from lineage.hub.bounds import MAX_SIZE
from lineage.hub.git.history import open_objects, parse_commit
from lineage.hub.git.objects import MAX_TREE_ENTRIES, parse_tree, shown_path
from lineage.hub.git.refs import read_refs
from lineage.hub.lfs import format_pointer, parse_placeholder, parse_pointer
from lineage.hub.local.bundle import refuse_other_files
from lineage.hub.revisions import is_commit_id, meaning_of, pull_request_number, ref_kind
from lineage_schemas.history_ref import HistoryRef
from tests.fuzz.target import Read, Target, plain
from tests.support.bare_repository import BareRepository
from tests.support.hostile_models import pointer

ID = b"1c9f" * 10


def _read_commit(data: bytes) -> object:
    found = parse_commit("0" * 40, data)
    if found is not None:
        assert all(is_commit_id(name) for name in (found.tree, *found.parents))
        assert found.date is None or found.date.tzinfo is not None
    return found


def _commit_seeds() -> Iterator[bytes]:
    who = b"Ada <ada@example.org> 1700000000 +0100"
    head = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n" % (ID, ID, who, who)
    yield head + b"\nAdd weights (#12)\n\nTrained for 3 epochs.\n"
    for encoding in (b"iso-8859-1", b"punycode", b"utf-7", b"unicode_escape", b"shift_jis", b"utf-16", b"zlib"):
        yield head + b"encoding %b\n\ncaf\xe9 -\xff +2AA- \\ud800\n" % encoding
    signature = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n"
    yield head + b"parent %b\n" % ID + signature + b"mergetag object %b\n type commit\n\nMerge" % ID


def _read_tree(data: bytes) -> object:
    items = parse_tree(data, "org/name")
    assert len(items) <= MAX_TREE_ENTRIES
    return [(shown_path(name), item.blob, item.folder is None) for name, item in items.items()]


def _tree_seeds() -> Iterator[bytes]:
    raw = bytes(range(20))
    yield b"100644 README.md\0" + raw + b"40000 folder\0" + raw + b"160000 module\0" + raw + b"120000 link\0" + raw
    yield b"100755 \xff\xfe/..\0" + raw + b"100644 a\nb\0" + raw


def _read_pointer(data: bytes) -> object:
    found, placeholder = parse_pointer(data), parse_placeholder(data)
    if found is not None:
        assert 0 <= found.size <= MAX_SIZE
        assert placeholder is not None
        assert (placeholder.sha256, placeholder.size) == found
        assert parse_pointer(format_pointer(*found)) == found
    return [found, placeholder]


def _pointer_seeds() -> Iterator[bytes]:
    yield format_pointer("ab" * 32, 12_345)
    yield pointer("9223372036854775807")
    yield format_pointer("cd" * 32, 0).replace(b"\n", b"\r\n")
    yield format_pointer("ab" * 32, 7).replace(b"oid", b"ext-0-foo sha256:" + b"ab" * 32 + b"\noid")
    yield b"# xet version 0\nfilesize = 1234\nhash = '" + b"ab" * 32 + b"'\n"


def _read_revision(data: bytes) -> object:
    """Read the name of a ref and a text that may mean it, one a line."""
    name, _, text = data.decode(errors="replace").partition("\n")
    number = pull_request_number(name)
    assert number is None or 0 <= number < 10**9
    refs = [HistoryRef(name="refs/heads/main", kind="branch", target="a" * 40)]
    kind = ref_kind(name)
    if kind is not None and name != "refs/heads/main":
        refs.append(HistoryRef(name=name, kind=kind, target="b" * 40))
    assert meaning_of("main", refs, ()).commits >= {"a" * 40}
    meaning = meaning_of(text, refs, ["c" * 40])
    assert meaning.commits <= {"a" * 40, "b" * 40, "c" * 40}
    return [number, kind, meaning.text, meaning.ambiguity()]


def _revision_seeds() -> Iterator[bytes]:
    yield from (
        b"refs/heads/main\nmain", b"refs/pr/12\nrefs/pr/12", b"refs/pull/3/head\n3", b"refs/tags/v1.0\nv1.0",
        b"refs/convert/parquet\n" + b"c" * 8, b"refs/heads/refs/heads/main\nrefs/heads/main", b"refs/tags/main\nmain",
        b"refs/remotes/origin/main\nHEAD",
    )  # fmt: skip


@contextmanager
def _bundles() -> Iterator[Read]:
    """Give inputs to what looks at the beginning of a bundle."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        place = Path(folder, "model.bundle")

        def read(data: bytes) -> object:
            place.write_bytes(data)
            refuse_other_files(place, "org/name")
            return None

        yield read


def _bundle_seeds() -> Iterator[bytes]:
    yield b"# v2 git bundle\n-%b before\n%b refs/heads/main\n\nPACK" % (ID, ID)
    yield b"# v3 git bundle\n@object-format=sha1\n@filter=blob:none\n%b HEAD\n\nPACK" % ID


PART = b"\0\0"
"""What separates the files of a repository in an input: HEAD, packed-refs, the configuration, and a tag."""

TAG = b"<tag>"
"""What the id of the tag is written for in the other files."""

COMMIT = b"<commit>"


@contextmanager
def _repositories() -> Iterator[Read]:
    """Give inputs to real git, and to what reads its output: each is a repository's HEAD, refs, configuration and tag.

    Whatever they hold, `main` is where the file of the branch has it.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        repository = BareRepository(Path(folder, "model.git"))
        commit = repository.commit({"README.md": b"# A model"})
        git_dir = repository.git_dir

        def read(data: bytes) -> object:
            head, packed, config, tag = (data.split(PART) + [b""] * 4)[:4]
            tag = tag.replace(COMMIT, commit.encode())
            content = b"tag %d\0%b" % (len(tag), tag)
            name = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            loose = git_dir / "objects" / name[:2] / name[2:]
            loose.parent.mkdir(exist_ok=True)
            loose.write_bytes(zlib.compress(content, 1))
            for file, text in (("HEAD", head), ("packed-refs", packed), ("config", config)):
                (git_dir / file).write_bytes(text.replace(TAG, name.encode()).replace(COMMIT, commit.encode()))
            try:
                with_objects = open_objects(git_dir, "org/name")
                try:
                    found = read_refs(git_dir, with_objects)
                finally:
                    with_objects.close()
            finally:
                loose.unlink()
            mains = [ref.target for ref in found.refs if ref.name == "refs/heads/main"]
            assert mains == [commit]
            return found

        yield read


def _repository_seeds() -> Iterator[bytes]:
    config = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
    tag = b"object %b\ntype commit\ntag v1\ntagger Ada <a@b> 1700000000 +0000\n\nVersion 1\n" % COMMIT
    packed = b"# pack-refs with: peeled fully-peeled sorted \n%b refs/heads/other\n%b refs/tags/v1\n^%b\n" % (
        COMMIT,
        TAG,
        COMMIT,
    )
    yield PART.join((b"ref: refs/heads/main\n", packed, config, tag))
    yield PART.join((COMMIT + b"\n", b"%b refs/pr/1\n" % COMMIT, config + b"[extensions]\n\tfoo = 1\n", tag))
    forged = b"%b refs/heads/x\xe2\x80\xa8%b refs/heads/main\n" % (COMMIT, ID)
    yield PART.join((b"ref: refs/heads/gone\n", forged, b"[include]\n\tpath = /dev/zero\n", b"object x"))


TARGETS = (
    Target(
        "git-commit",
        plain(_read_commit),
        (),
        _commit_seeds,
        (b"tree ", b"parent ", b"encoding ", b"gpgsig ", b"committer ", b" 99999999999999999 +0000", ID),
    ),
    Target(
        "git-tree",
        plain(_read_tree),
        (HubAnswerError,),
        _tree_seeds,
        (b"40000 a\0" + bytes(20), b"100644 ", b"160000 "),
    ),
    Target(
        "lfs-pointer", plain(_read_pointer), (), _pointer_seeds, (b"size ", b"oid sha256:", b"version ", b"ext-1-a ")
    ),
    Target(
        "revision",
        plain(_read_revision),
        (),
        _revision_seeds,
        (b"refs/", b"refs/heads/", b"refs/pr/", b"HEAD", b"folder:"),
    ),
    Target("bundle", _bundles, (HubAnswerError,), _bundle_seeds, (b"# v2 git bundle\n", b"@x=y\n", ID)),
    Target(
        "git-refs",
        _repositories,
        (HubError,),
        _repository_seeds,
        (PART, TAG, COMMIT, b"refs/heads/main", b"ref: ", b"^", b"[include]\n", b"type tree\n", b"refs/pr/"),
        12,
    ),
)
