"""Bare repositories that want to hang, exhaust or deceive their reader, each made by a function of a plain name.

Every function makes one repository at a path that does not exist yet. Those of `REFUSED` cannot be read, and an answer
has to say so; those of `READABLE` can, and their `main` is the branch that HEAD names and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.bare_repository import BareRepository
from tests.support.real_git import ENVIRONMENT, GIT
from tests.support.weight_files import safetensors_bytes

CARD = b"---\nlicense: mit\n---\nA model.\n"
SPARSE_BYTES = 1 << 40

Builder = Callable[[Path], None]


def good_model(place: Path) -> BareRepository:
    """Make the sound model that the others are made of: a first upload, weights replaced in silence, and a card."""
    repository = BareRepository(place)
    repository.commit({"model.safetensors": weights(1), "config.json": b"{}"}, "first upload")
    repository.commit({"model.safetensors": weights(2)}, "Upload model.safetensors")
    repository.commit({"README.md": CARD}, "Create README.md")
    return repository


def weights(value: int) -> bytes:
    """Make weights whose bytes are all this value."""
    return safetensors_bytes({"w": ("F32", (4, 4), bytes([value]) * 64)})


# Files that are not files.


def pipe_as_head(place: Path) -> None:
    """Make HEAD a named pipe."""
    _as_pipe(good_model(place).git_dir / "HEAD")


def pipe_as_config(place: Path) -> None:
    """Make the configuration a named pipe."""
    _as_pipe(good_model(place).git_dir / "config")


def pipe_as_packed_refs(place: Path) -> None:
    """Make the table of refs a named pipe."""
    _as_pipe(good_model(place).git_dir / "packed-refs")


def pipe_as_branch(place: Path) -> None:
    """Make a branch a named pipe."""
    _as_pipe(good_model(place).git_dir / "refs" / "heads" / "other")


def socket_as_branch(place: Path) -> None:
    """Make a branch a socket."""
    _as_socket(good_model(place).git_dir / "refs" / "heads" / "other")


def pipe_as_alternates(place: Path) -> None:
    """Make the list of borrowed object folders a named pipe."""
    _as_pipe(good_model(place).git_dir / "objects" / "info" / "alternates")


def device_as_alternates(place: Path) -> None:
    """Make the list of borrowed object folders a link to a device that never ends."""
    _as_link(good_model(place).git_dir / "objects" / "info" / "alternates", Path("/dev/zero"))


def alternate_with_a_pipe(place: Path) -> None:
    """Borrow objects from a folder in which a pack's index is a named pipe."""
    other = place.with_name(place.name + "-borrowed") / "objects"
    (other / "pack").mkdir(parents=True)
    _as_pipe(other / "pack" / f"pack-{'1' * 40}.idx")
    _as_pipe(other / "pack" / f"pack-{'1' * 40}.pack")
    (good_model(place).git_dir / "objects" / "info" / "alternates").write_text(f"{other}\n")


def pipe_as_pack_index(place: Path) -> None:
    """Make a pack and its index named pipes."""
    pack = good_model(place).git_dir / "objects" / "pack"
    _as_pipe(pack / f"pack-{'1' * 40}.idx")
    _as_pipe(pack / f"pack-{'1' * 40}.pack")


def device_as_pack(place: Path) -> None:
    """Make a pack a link to a device."""
    pack = good_model(place).git_dir / "objects" / "pack"
    _as_link(pack / f"pack-{'1' * 40}.pack", Path("/dev/zero"))
    _as_link(pack / f"pack-{'1' * 40}.idx", Path("/dev/zero"))


def pipe_as_loose_object(place: Path) -> None:
    """Make the head's commit object a named pipe."""
    repository = good_model(place)
    _as_pipe(loose(repository, repository.git("rev-parse", "main")))


def branches_in_a_circle(place: Path) -> None:
    """Put two links to the folder of branches into it: a walk that follows them has no end in sight."""
    heads = good_model(place).git_dir / "refs" / "heads"
    for name in "ab":
        (heads / name).symlink_to(heads, target_is_directory=True)


def branches_outside(place: Path) -> None:
    """Make a branch a link to a folder outside the repository."""
    (good_model(place).git_dir / "refs" / "heads" / "all").symlink_to(place.parent, target_is_directory=True)


def objects_outside(place: Path) -> None:
    """Keep the packs in a folder outside, behind a link."""
    pack = good_model(place).git_dir / "objects" / "pack"
    pack.rename(place.with_name(place.name + "-packs"))
    pack.symlink_to(place.with_name(place.name + "-packs"), target_is_directory=True)


def giant_head(place: Path) -> None:
    """Make HEAD a sparse file of a terabyte."""
    _as_giant(good_model(place).git_dir / "HEAD")


def giant_packed_refs(place: Path) -> None:
    """Make the table of refs a sparse file of a terabyte."""
    _as_giant(good_model(place).git_dir / "packed-refs")


def giant_branch(place: Path) -> None:
    """Make a branch a sparse file of a terabyte."""
    _as_giant(good_model(place).git_dir / "refs" / "heads" / "other")


def giant_alternates(place: Path) -> None:
    """Make the list of borrowed object folders a sparse file of a terabyte."""
    _as_giant(good_model(place).git_dir / "objects" / "info" / "alternates")


# Objects that are not what their names say.


def broken_head_commit(place: Path) -> None:
    """Write over the head's commit object."""
    repository = good_model(place)
    _overwrite(loose(repository, repository.git("rev-parse", "main")), b"not a zlib stream")


def missing_head_commit(place: Path) -> None:
    """Delete the head's commit object."""
    repository = good_model(place)
    loose(repository, repository.git("rev-parse", "main")).unlink()


def forged_head_commit(place: Path) -> None:
    """Put the first commit's content under the head's name: the replacement of the weights is gone."""
    repository = good_model(place)
    _put_under(repository, repository.git("rev-parse", "main"), repository.git("rev-parse", "main~2"))


def broken_head_tree(place: Path) -> None:
    """Write over the head's tree object."""
    repository = good_model(place)
    _overwrite(loose(repository, repository.git("rev-parse", "main^{tree}")), b"not a zlib stream")


def forged_head_tree(place: Path) -> None:
    """Put the first commit's tree under the name of the head's: the files are others than the commit names."""
    repository = good_model(place)
    _put_under(repository, repository.git("rev-parse", "main^{tree}"), repository.git("rev-parse", "main~2^{tree}"))


def forged_pack(place: Path) -> None:
    """Exchange the names of two trees in the index of a pack."""
    repository = good_model(place)
    names = [repository.git("rev-parse", name) for name in ("main^{tree}", "main~2^{tree}")]
    objects = repository.git("rev-list", "--objects", "--all", "--no-object-names").encode() + b"\n"
    pack = repository.git_dir / "objects" / "pack"
    for path in [*pack.glob("*"), *(repository.git_dir / "objects").glob("[0-9a-f][0-9a-f]/*")]:
        path.rename(repository.git_dir / path.name) if path.suffix in (".pack", ".idx") else None
    for old in repository.git_dir.glob("*.pack"):
        repository.git("unpack-objects", "-q", stdin=old.read_bytes())
    repository.git("pack-objects", "--quiet", str(pack / "pack"), stdin=objects)
    for path in (repository.git_dir / "objects").glob("[0-9a-f][0-9a-f]/*"):
        path.unlink()
    (index,) = pack.glob("*.idx")
    _exchange_offsets(index, *names)


def commit_bomb(place: Path) -> None:
    """Make the head a commit whose message is 100 megabytes of spaces, in a file of 100 kilobytes."""
    repository = good_model(place)
    tree = repository.git("rev-parse", "main^{tree}")
    head = f"tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\n".encode()
    spaces, count = b" " * 1_000_000, 100
    prefix = b"commit %d\0" % (len(head) + len(spaces) * count)
    digest, packer = hashlib.sha1(prefix + head, usedforsecurity=False), zlib.compressobj(9)
    data = [packer.compress(prefix + head)]
    for _ in range(count):
        digest.update(spaces)
        data.append(packer.compress(spaces))
    place_of = repository.git_dir / "objects" / digest.hexdigest()[:2] / digest.hexdigest()[2:]
    place_of.parent.mkdir(exist_ok=True)
    place_of.write_bytes(b"".join(data) + packer.flush())
    (repository.git_dir / "refs" / "heads" / "main").write_text(digest.hexdigest() + "\n")


# Repositories that can be read, and want to be misread.


def included_pipe(place: Path) -> None:
    """Include a named pipe and a device in the configuration."""
    repository = good_model(place)
    pipe = repository.git_dir / "more"
    os.mkfifo(pipe)
    with (repository.git_dir / "config").open("a") as file:
        file.write(f"[include]\n\tpath = {pipe}\n\tpath = /dev/zero\n")


def branches_that_forge_main(place: Path) -> None:
    """Push branches and tags whose names hold what Python takes for the end of a line, and then a row of `main`."""
    repository = good_model(place)
    first = repository.git("rev-parse", "main~2")
    for number, end in enumerate(("\u2028", "\u2029", "\u0085")):
        for kind in ("heads", "tags"):
            for start in "az":
                row = f"{end}{first}\u00a0x\u00a0refs/heads/main"
                _push(repository, f"refs/{kind}/{start}{number}{row}", first)


def refs_named_like_main(place: Path) -> None:
    """Push every ref whose name may be taken for `main` or HEAD."""
    repository = good_model(place)
    first = repository.git("rev-parse", "main~2")
    head = repository.git("rev-parse", "main")
    names = (
        "refs/heads/refs/heads/main", "refs/tags/refs/heads/main", "refs/heads/heads/main", "refs/heads/HEAD",
        "refs/tags/HEAD", "refs/heads/origin/main", "refs/remotes/origin/main", "refs/remotes/origin/HEAD",
        "refs/tags/origin/main", "refs/heads/Main", "refs/heads/MAIN", "refs/tags/MAIN", f"refs/heads/{head}",
        f"refs/tags/{head}", f"refs/replace/{head}", "refs/heads/@", "refs/heads/main\u200b", "refs/heads/\u202emain",
    )  # fmt: skip
    for name in names:
        _push(repository, name, first)


def branches_that_are_not_text(place: Path) -> None:
    """Push branches whose names are not UTF-8, and differ only in that."""
    repository = good_model(place)
    first = repository.git("rev-parse", "main~2")
    for name in (b"refs/heads/\xff", b"refs/heads/\xfe", b"refs/heads/main\xff", b"refs/tags/v\xc3"):
        _push(repository, os.fsdecode(name), first)


def head_without_a_branch(place: Path) -> None:
    """Let HEAD name a branch that does not exist, beside a branch and a tag that are called HEAD."""
    repository = good_model(place)
    first = repository.git("rev-parse", "main~2")
    for name in ("refs/heads/HEAD", "refs/tags/HEAD"):
        _push(repository, name, first)
    repository.git("symbolic-ref", "HEAD", "refs/heads/gone")


def commits_in_strange_encodings(place: Path) -> None:
    """Add commits that name codecs which are slow, make surrogates, decompress, or are no codec at all."""
    repository = good_model(place)
    tree = repository.git("rev-parse", "main^{tree}").encode()
    parent = repository.git("rev-parse", "main").encode()
    texts = {
        b"punycode": b"-" + b"z" * 3_000_000,
        b"unicode_escape": b"\\ud800 title\n\n\\udfff message",
        b"raw_unicode_escape": b"\\ud800 title",
        b"utf-7": b"+2AA- title",
        b"utf-16-surrogatepass": b"\x00\xd8",
        b"idna": b"xn--" + b"a" * 100_000,
        b"zlib": b"x",
        b"utf-8\0": b"NUL in the name",
        b"latin1": b"caf\xe9",
    }
    for number, (encoding, body) in enumerate(texts.items()):
        who = b"a <a@b> %d +0000" % (1_800_000_000 + number * 10_000)
        lines = (b"tree " + tree, b"parent " + parent, b"author " + who, b"committer " + who, b"encoding " + encoding)
        raw = b"\n".join(lines) + b"\n\n" + body
        parent = repository.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", stdin=raw).encode()
    repository.git("update-ref", "refs/heads/main", parent.decode())


REFUSED: Mapping[str, Builder] = {
    builder.__name__: builder
    for builder in (
        pipe_as_head, pipe_as_config, pipe_as_packed_refs, pipe_as_branch, socket_as_branch, pipe_as_alternates,
        device_as_alternates, alternate_with_a_pipe, pipe_as_pack_index, device_as_pack, pipe_as_loose_object,
        branches_in_a_circle, branches_outside, objects_outside, giant_head, giant_packed_refs, giant_branch,
        giant_alternates, broken_head_commit, missing_head_commit, forged_head_commit, broken_head_tree,
        forged_head_tree, forged_pack, commit_bomb,
    )
}  # fmt: skip
"""Repositories that cannot be read."""

READABLE: Mapping[str, Builder] = {
    builder.__name__: builder
    for builder in (
        included_pipe, branches_that_forge_main, refs_named_like_main, branches_that_are_not_text,
        head_without_a_branch, commits_in_strange_encodings,
    )
}  # fmt: skip
"""Repositories that can be read; the head of all but the last is the sound model's."""


def loose(repository: BareRepository, name: str) -> Path:
    """Return the file of a loose object, after all packs were unpacked."""
    pack = repository.git_dir / "objects" / "pack"
    for path in [*pack.glob("*.pack")]:
        data = path.read_bytes()
        for part in pack.glob(path.stem + ".*"):
            part.unlink()
        repository.git("unpack-objects", "-q", stdin=data)
    return repository.git_dir / "objects" / name[:2] / name[2:]


def _put_under(repository: BareRepository, name: str, other: str) -> None:
    """Put the content of another object under an object's name."""
    _overwrite(loose(repository, name), loose(repository, other).read_bytes())


def _overwrite(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def _exchange_offsets(index: Path, one: str, other: str) -> None:
    """Exchange the offsets and checksums of two objects in a pack's index, version 2, and sign it again."""
    data = bytearray(index.read_bytes())
    count = int.from_bytes(data[8 + 255 * 4 : 8 + 256 * 4], "big")
    names = 8 + 256 * 4
    positions = [
        next(n for n in range(count) if data[names + n * 20 : names + n * 20 + 20] == bytes.fromhex(name))
        for name in (one, other)
    ]
    for table in (names + count * 20, names + count * 24):
        first, second = (slice(table + position * 4, table + position * 4 + 4) for position in positions)
        data[first], data[second] = data[second], data[first]
    data[-20:] = hashlib.sha1(data[:-20], usedforsecurity=False).digest()
    _overwrite(index, bytes(data))


def _push(repository: BareRepository, name: str, commit: str) -> None:
    """Push a commit to a ref as a person with the right to push would: another git sends it, this one decides."""
    command = [GIT, "--git-dir", str(repository.git_dir), "push", "--quiet", str(repository.git_dir)]
    subprocess.run([*command, f"{commit}:{name}"], env=ENVIRONMENT, capture_output=True, check=True)


def _as_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


def _as_link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def _as_giant(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(SPARSE_BYTES)


def _as_socket(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)  # a socket's path may have 108 bytes: it is bound from its folder
    before = Path.cwd()
    try:
        os.fchdir(here)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(before)
        os.close(here)
