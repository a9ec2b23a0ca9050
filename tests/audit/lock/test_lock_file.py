"""The text of a lock file: one text for one lock, and every problem refused with its line."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.audit.lock.compare import compare
from lineage.audit.lock.read import load_lock, read_lock
from lineage.audit.lock.write import write_lock
from lineage.errors import InputError
from lineage_schemas.lock import Lock, LockedModel, LockedParent
from tests.support.real_git import ENVIRONMENT, GIT

COMMIT, OTHER = "a" * 40, "b" * 40
SHA256 = "sha256:" + "c" * 64

WHOLE = Lock(
    model=(
        LockedModel(id="lab/base", incomplete="gated"),
        LockedModel(
            id="org/a", names=("old/a", "a"), revision="v1", commit=COMMIT, files_digest="files.v1:1",
            weights_digest="weights.v1:2", licence="mit",
            parents=(LockedParent(id=f"lab/base@{OTHER}", relation="merge", status="confirmed"),),
            files={"model.safetensors": SHA256, "config.json": "gitblob:" + "d" * 40},
        ),
    ),
)  # fmt: skip

TEXT = write_lock(WHOLE)

names = st.text("abcdefgh", min_size=1, max_size=3)
model_ids = st.builds("{}/{}".format, names, names)
commits = st.text("0123456789abcdef", min_size=40, max_size=40)
paths = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda path: path not in (".", "..")
)
texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
parents = st.builds(
    LockedParent,
    id=model_ids | st.builds("{}@{}".format, model_ids, commits),
    relation=st.sampled_from((None, "merge", "finetune")),
    status=st.sampled_from(("confirmed", "declared")),
)
models = st.builds(
    LockedModel,
    id=model_ids,
    revision=st.sampled_from((None, "main", "v1.0")),
    commit=st.none() | commits,
    files_digest=texts,
    licence=texts,
    incomplete=texts,
    parents=st.lists(parents, max_size=3, unique_by=lambda parent: parent.id.partition("@")[0]).map(tuple),
    files=st.dictionaries(paths, st.sampled_from((SHA256, "gitblob:" + "e" * 40, "unknown")), max_size=4),
)
locks = st.lists(models, max_size=4, unique_by=lambda model: model.key).map(lambda found: Lock(model=tuple(found)))


def in_order(lock: Lock) -> Lock:
    """Bring a lock into the order in which it is written."""
    found = (
        model.model_copy(update={"parents": tuple(sorted(model.parents, key=lambda parent: parent.id))})
        for model in lock.model
    )
    return Lock(model=tuple(sorted(found, key=lambda model: model.key)))


def refusal(text: str) -> str:
    """Return the message with which a text is refused."""
    with pytest.raises(InputError) as raised:
        read_lock(text, "lineage.lock")
    assert raised.value.hint
    return raised.value.message


@given(locks)
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read(lock: Lock) -> None:
    """A lock of any texts, also hostile ones, is read as it was written, and has no difference from itself."""
    found = read_lock(write_lock(lock), "lineage.lock")
    assert found == in_order(lock)
    assert compare(lock, found) == ()


@given(locks, st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_of_models_does_not_matter(lock: Lock, chance: random.Random) -> None:
    """The text is the same for models, parents and files in any order."""
    shuffled = []
    for model in chance.sample(lock.model, len(lock.model)):
        files = dict(chance.sample(list(model.files.items()), len(model.files)))
        some = tuple(chance.sample(model.parents, len(model.parents)))
        shuffled.append(model.model_copy(update={"files": files, "parents": some}))
    assert write_lock(Lock(model=tuple(shuffled))) == write_lock(lock)


def merged(base: str, ours: str, theirs: str) -> tuple[str, bool]:
    """Merge two texts by lines as git does; return the text and whether it has conflicts."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for file, text in zip(files, (ours, base, theirs), strict=True):
            file.write_text(text)
        done = subprocess.run([GIT, "merge-file", "-p", *files], env=ENVIRONMENT, capture_output=True, check=False)
    return done.stdout.decode(), done.returncode != 0


def real(number: int, version: int) -> LockedModel:
    """Make a locked model as real ones are: hashes differ from model to model, licences and names of files do not."""
    digits = f"{number:x}{version:x}".rjust(4, "0") * 16
    return LockedModel(
        id=f"org/model-{number}", commit=digits[:40], files_digest=f"files.v1:{digits}", licence="mit",
        parents=(LockedParent(id=f"lab/base-{number}@{digits[:40]}", relation="finetune", status="confirmed"),),
        files={"config.json": f"gitblob:{digits[:40]}", "model.safetensors": f"sha256:{digits}"},
    )  # fmt: skip


versions = st.dictionaries(st.integers(0, 9), st.integers(0, 2), max_size=6)


@given(versions, versions, versions)
@settings(max_examples=40, deadline=None)
def test_two_locks_are_merged_by_lines(base: dict[int, int], ours: dict[int, int], theirs: dict[int, int]) -> None:
    """What git merges of two branches is refused with its line, or a lock of whole entries of the sides.

    It has each model that both sides have, and none that neither has. Git compares lines and not models, so it may keep
    a model that one side removed, or have one twice that both added: a check finds the first, the second is refused.
    """
    sides = [Lock(model=tuple(real(*each) for each in side.items())) for side in (base, ours, theirs)]
    text, has_conflicts = merged(*map(write_lock, sides))
    found: tuple[LockedModel, ...] = ()
    error: str | None = None
    try:
        found = read_lock(text, "lineage.lock").model
    except InputError as raised:
        error = raised.message
    if error is not None:
        assert re.match(r"lineage.lock:\d+: ", error)
        assert has_conflicts == ("conflict marker" in error)
        assert has_conflicts or "is locked twice" in error
        return
    assert not has_conflicts
    entries = [entry for side in sides for entry in in_order(side).model]
    assert all(entry in entries for entry in found)
    assert {f"org/model-{number}" for number in ours.keys() & theirs.keys()} <= {entry.id for entry in found}


def test_both_sides_of_a_conflict_are_a_lock() -> None:
    """Two branches that add models at the same place conflict; with the models of both sides the file is read."""
    sides = [Lock(model=(real(1, 0), real(number, 0))) for number in (2, 3)]
    text, has_conflicts = merged(write_lock(Lock(model=(real(1, 0),))), *map(write_lock, sides))
    assert has_conflicts
    assert refusal(text).startswith("lineage.lock:")
    joined = write_lock(sides[0]) + "\n" + write_lock(Lock(model=(real(3, 0),))).split("\n\n", 1)[1]
    assert {model.id for model in read_lock(joined, "x").model} == {"org/model-1", "org/model-2", "org/model-3"}


REFUSED = {
    "newer version": (TEXT.replace("version = 1", "version = 2"), ":2: version 2 of the lock file is newer"),
    "no version": (TEXT.replace("version = 1\n", ""), "lineage.lock: the lock file has no version"),
    "version is no number": (TEXT.replace("version = 1", "version = true"), "lineage.lock:2: true is not a version"),
    "conflict": (TEXT.replace("licence", "<<<<<<< HEAD\nlicence"), "lineage.lock:15: this is a conflict marker"),
    "unknown key": (TEXT.replace("licence", "license"), "lineage.lock:15: [[model]] has no key 'license'"),
    "unknown table": (TEXT + "\n[tool]\n", "lineage.lock:24: the file has no key 'tool'"),
    "key twice": (TEXT + f'"config.json" = "{SHA256}"\n', "lineage.lock:23: this is not valid TOML"),
    "model twice": (TEXT + TEXT.split("\n\n", 1)[1], "lineage.lock:23: lab/base is locked twice"),
    "other case": (TEXT + '[[model]]\nid = "Lab/BASE"\n', "lineage.lock:23: Lab/BASE is locked twice"),
    "parent twice": (TEXT.replace("parents = [", f'parents = [\n{{ id = "lab/BASE@{COMMIT}", status = "declared" }},'),
                     "is twice a parent of org/a"),
    "short commit": (TEXT.replace(COMMIT, "abc"), "lineage.lock:12: 'commit' of [[model]] is 'abc'"),
    "commit is not the pin": (TEXT.replace('"v1"', f'"{OTHER}"'), "lineage.lock:12: the commit of org/a is not its"),
    "not a hash": (TEXT.replace(SHA256, "md5:1"), "lineage.lock:22: 'model.safetensors' of 'files' of [[model]] is"),
    "not a model": (TEXT.replace('"org/a"', '"../a"'), "lineage.lock:9: '../a' is not a model"),
    "not a status": (TEXT.replace('"confirmed"', '"sure"'), "is 'sure', not one of confirmed"),
    "not a parent": (TEXT.replace(f"@{OTHER}", "@main"), "does not end with a full commit id"),
    "path out of the model": (TEXT + f'"../x" = "{SHA256}"\n', "lineage.lock:23: '../x' is not the path"),
    "absolute path": (TEXT + f'"/etc/x" = "{SHA256}"\n', "lineage.lock:23: '/etc/x' is not the path"),
    "reordered text": (TEXT.replace('"mit"', '"m\u202eit"'), "lineage.lock:15: the line has the character U+202E"),
    "escape of a terminal": (TEXT.replace('"mit"', '"m\x1bit"'), "lineage.lock:15: the line has the character U+001B"),
    "deep key": ("a." * 5000 + "b = 1", "has keys of too many parts"),
    "deep list": ("a = " + "[" * 100_000, "has keys of too many parts, or lists that nest too deep"),
    "huge number": ("version = " + "9" * 5000, "thousands of digits"),
    "not TOML": ("version = 1\n[[model", "lineage.lock:2: this is not valid TOML"),
    "models are a table": ("version = 1\n[model]\nid = 'a/b'\n", "lineage.lock:2: 'model' of the file is a table"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_with_its_line(name: str) -> None:
    """Each problem is named with its line and what to do."""
    text, message = REFUSED[name]
    assert message in refusal(text)


def test_a_lock_file_that_is_not_a_text_is_refused(tmp_path: Path) -> None:
    """A missing file is none; a folder, bytes that are not UTF-8 and a huge file are refused with the reason."""
    file = tmp_path / "lineage.lock"
    assert load_lock(file) is None
    file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert load_lock(file) == read_lock(TEXT, "x")
    file.write_bytes(b"version = 1\n\xff\xfe")
    with pytest.raises(InputError, match="lock:2: this is not UTF-8"):
        load_lock(file)
    with file.open("wb") as opened:
        opened.truncate(21_000_000)
    with pytest.raises(InputError, match="more than 20,000,000 bytes"):
        load_lock(file)
    with pytest.raises(InputError, match="not a regular file"):
        load_lock(tmp_path)


@pytest.mark.slow
def test_a_long_lock_is_read_in_a_time_that_grows_with_its_length() -> None:
    """A lock of 20,000 files is read whole, and a problem in it has a line."""
    files = {f"model-{number:05}-of-20000.safetensors": SHA256 for number in range(20_000)}
    text = write_lock(Lock(model=(LockedModel(id="org/a", commit=COMMIT, files=files),)))
    started = time.monotonic()
    assert len(read_lock(text, "x").model[0].files) == 20_000
    assert refusal(text + '"../x" = "unknown"\n').startswith("lineage.lock:")
    assert time.monotonic() - started < 60
