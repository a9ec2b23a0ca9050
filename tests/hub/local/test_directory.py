"""A directory as a Hub: layouts, aliases, and what is skipped."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from pathlib import Path

import pytest

from lineage.errors import ContentMismatchError, FileNotInRevisionError, ModelNotFoundError, RevisionNotFoundError
from lineage.hub.interface import MAX_TEXT_BYTES
from lineage.hub.local.directory import DirectoryHub
from tests.hub.conftest import WEIGHTS, Listening
from tests.support.bare_repository import BareRepository
from tests.support.hub_kinds import World, make_work_tree, make_world, settings
from tests.support.repositories import REVISIONED, git, zoo_hub

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def plain(folder: Path, model: str, card: str = "# A model", **files: bytes) -> Path:
    place = folder / model
    place.mkdir(parents=True)
    (place / "README.md").write_text(card)
    for name, content in files.items():
        (place / name.replace("_json", ".json")).write_bytes(content)
    return place


def opened(folder: Path, tmp_path: Path, listening: Listening | None = None) -> DirectoryHub:
    return DirectoryHub(folder, settings(tmp_path), progress=listening or Listening())


def test_the_name_tells_directories_apart(folder: Path, tmp_path: Path) -> None:
    """Two directories of one name have two names as Hubs, and one reached by a link has the same."""
    plain(folder, "org/a")
    (tmp_path / "other" / "hub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    assert opened(folder, tmp_path).name == f"dir-hub-{digest}"
    assert opened(tmp_path / "link", tmp_path).name == f"dir-hub-{digest}"
    assert opened(tmp_path / "other" / "hub", tmp_path).name != f"dir-hub-{digest}"


def test_every_layout_is_listed(folder: Path, tmp_path: Path) -> None:
    """Folders, bare repositories and bundles are models, at the root too; other things are skipped."""
    plain(folder, "org/plain")
    plain(folder, "gpt2")
    BareRepository(folder / "org" / "bare.git").commit({"README.md": b"#"}, "first")
    repository = BareRepository(tmp_path / "there.git")
    repository.commit({"README.md": b"#"}, "first")
    repository.git("bundle", "create", "--quiet", str(folder / "org" / "bundled.bundle"), "--all", "HEAD")
    repository.git("bundle", "create", "--quiet", str(folder / "legacy.bundle"), "--all", "HEAD")
    (folder / "org" / "bundled.lfs" / "ab").mkdir(parents=True)
    (folder / "org" / "notes.txt").write_text("no model")
    (folder / "org" / "empty").mkdir()
    (folder / "truth.json").write_text("{}")
    (folder / "org" / "--bad--name").mkdir()
    (folder / "org" / "--bad--name" / "config.json").write_text("{}")
    (folder / "org" / "broken.bundle").mkdir()
    with opened(folder, tmp_path) as hub:
        assert list(hub.list_models()) == ["gpt2", "legacy", "org/bare", "org/bundled", "org/plain"]
        assert list(hub.list_models(limit=2)) == ["gpt2", "legacy"]
        assert list(hub.list_models(author="org")) == ["org/bare", "org/bundled", "org/plain"]
        for model in hub.list_models():
            assert [entry.path for entry in hub.snapshot(hub.resolve(model)).files] == ["README.md"]


def test_the_zoo_is_a_directory_hub(small_zoo: Path, folder: Path, tmp_path: Path) -> None:
    """Models with weights and no history are plain folders; the zoo's own way of keeping revisions is none of ours."""
    with opened(small_zoo, tmp_path) as hub:
        assert list(hub.list_models()) == ["otterhub/skiff-packages-lora", "skiffworks/skiff-0.7m"]
        assert list(hub.list_models(base="skiffworks/skiff-0.7m")) == ["otterhub/skiff-packages-lora"]
    zoo_hub(small_zoo, folder)
    with opened(folder, tmp_path) as hub:
        assert REVISIONED in hub.list_models()
        assert len(hub.history(REVISIONED).commits) == 5


def test_the_whole_zoo_is_read(zoo: Path, folder: Path, tmp_path: Path) -> None:
    """Each of the zoo's repositories resolves and shows its files."""
    truth = json.loads((zoo / "truth.json").read_text("utf-8"))
    expected = {node["id"] for node in truth["nodes"] if node["archived"]}
    zoo_hub(zoo, folder)
    with opened(folder, tmp_path) as hub:
        assert set(hub.list_models()) == expected
        for model in expected:
            snapshot = hub.snapshot(hub.resolve(model))
            assert any(entry.sha256 for entry in snapshot.files)
            assert snapshot.unreadable == {}


def test_aliases_redirect(folder: Path, tmp_path: Path) -> None:
    """An old name leads to the model, over several steps too; the answer carries both names."""
    plain(folder, "org/new", "---\nbase_model: base\n---\n")
    plain(folder, "org/base")
    (folder / "aliases.json").write_text(json.dumps({"old": "older", "older": "org/new", "base": "org/base"}))
    with opened(folder, tmp_path) as hub:
        found = hub.resolve("old")
        assert (found.model, found.asked) == ("org/new", "old")
        assert list(hub.list_models(base="org/base")) == ["org/new"]
        assert hub.history("old").model == "org/new"


@pytest.mark.parametrize(
    "aliases",
    [
        '{"a": "b", "b": "a"}', '{"a": "a"}', '{"a": "../../secret"}', '{"a": "/etc"}', '{"a": 7}', '{"a": null}', "[]",
        "{", "[" * 100_000, "\\xff", '{"a": "org"}', '{"a": "org/model/README.md"}', '{"../x": "org/model"}',
    ],
)  # fmt: skip
def test_hostile_aliases_lead_nowhere(folder: Path, tmp_path: Path, aliases: str, listening: Listening) -> None:
    """Circles, paths and broken files redirect no id, and the models that are there are read as before."""
    plain(folder, "org/model")
    plain(tmp_path, "secret")
    (folder / "aliases.json").write_text(aliases)
    with opened(folder, tmp_path, listening) as hub:
        with pytest.raises(ModelNotFoundError):
            hub.resolve("a")
        with pytest.raises(ModelNotFoundError):
            hub.resolve("../x")
        assert hub.resolve("org/model").model == "org/model"
    assert bool(listening.notes) == (aliases[0] in "[\\" or aliases == "{")


def test_aliases_that_are_too_long_are_reported(folder: Path, tmp_path: Path, listening: Listening) -> None:
    """A file of aliases beyond the limit of texts is skipped, and a note says why."""
    plain(folder, "org/model")
    (folder / "aliases.json").write_text('{"a": "org/model"}' + " " * MAX_TEXT_BYTES)
    with opened(folder, tmp_path, listening) as hub, pytest.raises(ModelNotFoundError):
        hub.resolve("a")
    assert "10,000,000 bytes" in str(listening.notes)


def test_a_model_wins_over_an_alias(folder: Path, tmp_path: Path) -> None:
    """As on the Hub: a new repository under an old name ends the redirect."""
    plain(folder, "org/a")
    plain(folder, "org/b")
    (folder / "aliases.json").write_text('{"org/a": "org/b"}')
    with opened(folder, tmp_path) as hub:
        assert hub.resolve("org/a").model == "org/a"


def test_a_smudged_file_must_match_its_pointer(small_zoo: Path, folder: Path, tmp_path: Path) -> None:
    """A weight file of a work tree that differs from HEAD is not used for it, even with the same size."""
    world: World = make_world(small_zoo, tmp_path / "world")
    place = folder / REVISIONED
    make_work_tree(world, place)
    weights = place / "model.safetensors"
    content = weights.read_bytes()
    with opened(folder, tmp_path) as hub:
        head = hub.resolve(REVISIONED).commit
        assert hub.local_path(REVISIONED, head, "model.safetensors") == weights
        changed = content[:-1] + bytes([content[-1] ^ 1])
        weights.write_bytes(changed)
        with pytest.raises(FileNotInRevisionError, match="LFS object"):
            hub.read(REVISIONED, head, "model.safetensors")
        weights.unlink()
        with pytest.raises(FileNotInRevisionError, match="LFS object"):
            hub.read(REVISIONED, head, "model.safetensors")
        weights.write_bytes(content)
        assert hub.read(REVISIONED, head, "model.safetensors") == content


def test_a_work_tree_means_its_head(folder: Path, tmp_path: Path) -> None:
    """What is changed or added without a commit is not part of the model."""
    place = plain(folder, "org/model", "committed")
    git(place, "init", "--quiet", "--initial-branch=main")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "-m", "first")
    (place / "README.md").write_text("changed")
    (place / "new.json").write_text("{}")
    with opened(folder, tmp_path) as hub:
        head = hub.resolve("org/model")
        assert head.ref == "refs/heads/main"
        assert [entry.path for entry in hub.snapshot(head).files] == ["README.md"]
        assert hub.read("org/model", head.commit, "README.md") == b"committed"
        git(place, "checkout", "--quiet", "--detach")
        assert hub.resolve("org/model").commit == head.commit
        assert hub.history("org/model").source == "git-full"


def test_a_linked_work_tree_is_read(folder: Path, tmp_path: Path) -> None:
    """A `.git` file leads to the objects of the repository that it belongs to."""
    main = plain(tmp_path, "main", "# main")
    git(main, "init", "--quiet", "--initial-branch=main")
    git(main, "add", ".")
    git(main, "commit", "--quiet", "-m", "first")
    (folder / "org").mkdir(parents=True)
    git(main, "worktree", "add", "--quiet", "-b", "side", str(folder / "org" / "model"))
    with opened(folder, tmp_path) as hub:
        found = hub.resolve("org/model")
        assert found.ref == "refs/heads/side"
        assert hub.read("org/model", found.commit, "README.md") == b"# main"


def test_a_repository_without_a_commit_says_so(folder: Path, tmp_path: Path) -> None:
    """An empty repository is there, and has nothing to resolve to."""
    BareRepository(folder / "org" / "model.git")
    with opened(folder, tmp_path) as hub:
        with pytest.raises(RevisionNotFoundError, match="no commit yet"):
            hub.resolve("org/model")
        assert hub.history("org/model").commits == ()


def test_an_ambiguous_prefix_is_refused(folder: Path, tmp_path: Path) -> None:
    """Seven digits that begin two commits mean neither; fewer than seven never mean one."""
    repository = BareRepository(folder / "org" / "model.git")
    commit = repository.commit({"README.md": b"#"}, "first")
    objects = repository.git_dir / "objects"
    twin = commit[:7] + ("0" if commit[7] != "0" else "1") + commit[8:]
    (objects / twin[:2]).mkdir(exist_ok=True)
    shutil.copyfile(objects / commit[:2] / commit[2:], objects / twin[:2] / twin[2:])
    with opened(folder, tmp_path) as hub:
        with pytest.raises(RevisionNotFoundError, match="beginning of 2 commits"):
            hub.resolve("org/model", commit[:7])
        with pytest.raises(RevisionNotFoundError):
            hub.resolve("org/model", commit[:6])
        assert hub.resolve("org/model", commit[:8].upper()).commit == commit


def test_lfs_objects_are_found_in_every_place(folder: Path, tmp_path: Path) -> None:
    """Beside a bundle in git LFS's folders or flat; a wrong size, a link elsewhere and nothing at all are missing."""
    repository = BareRepository(tmp_path / "there.git")
    commit = repository.commit({"model.bin": WEIGHTS}, "first")
    (stored,) = (path for path in (repository.git_dir / "lfs").rglob("*") if path.is_file())
    bundle = folder / "org" / "model.bundle"
    bundle.parent.mkdir(parents=True)
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    lfs = bundle.with_suffix(".lfs")
    flat, nested = lfs / stored.name, lfs / stored.name[:2] / stored.name[2:4] / stored.name
    nested.parent.mkdir(parents=True)
    with opened(folder, tmp_path) as hub:
        for place in (flat, nested):
            with pytest.raises(FileNotInRevisionError, match=stored.name[:12]):
                hub.read("org/model", commit, "model.bin")
            place.symlink_to(stored)
            with pytest.raises(FileNotInRevisionError, match=stored.name[:12]):
                hub.read("org/model", commit, "model.bin")
            place.unlink()
            place.write_bytes(WEIGHTS[:-1])
            with pytest.raises(FileNotInRevisionError, match=stored.name[:12]):
                hub.read("org/model", commit, "model.bin")
            place.write_bytes(WEIGHTS)
            assert hub.read("org/model", commit, "model.bin") == WEIGHTS
            assert hub.local_path("org/model", commit, "model.bin") == place
            place.unlink()


def test_a_bundle_is_unpacked_once(folder: Path, tmp_path: Path) -> None:
    """The copy stays in the cache until the bundle is another; then the old copy goes."""
    repository = BareRepository(tmp_path / "there.git")
    first = repository.commit({"README.md": b"1"}, "first")
    bundle = folder / "org" / "model.bundle"
    bundle.parent.mkdir(parents=True)
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    kept = tmp_path / "cache" / "bundles"
    for _ in range(2):
        with opened(folder, tmp_path) as hub:
            assert hub.resolve("org/model").commit == first
    (copy,) = kept.glob("*.git")
    second = repository.commit({"README.md": b"2"}, "second")
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    with opened(folder, tmp_path) as hub:
        assert hub.resolve("org/model").commit == second
    (other,) = kept.glob("*.git")
    assert other != copy


def test_a_bundle_needs_no_cache(folder: Path, tmp_path: Path, listening: Listening) -> None:
    """Where the cache cannot be written, bundles are unpacked for this run, with a note."""
    repository = BareRepository(tmp_path / "there.git")
    repository.commit({"README.md": b"1"}, "first")
    bundle = folder / "org" / "model.bundle"
    bundle.parent.mkdir(parents=True)
    repository.git("bundle", "create", "--quiet", str(bundle), "--all", "HEAD")
    (tmp_path / "cache").write_text("a file where a folder should be")
    with opened(folder, tmp_path, listening) as hub:
        assert len(hub.history("org/model").commits) == 1
    assert "cannot be written" in listening.notes[0]


def test_a_broken_bundle_names_its_model(folder: Path, tmp_path: Path) -> None:
    """A file that is not a bundle is an error about this model, with git's own message."""
    from lineage.errors import HubError

    (folder / "org").mkdir(parents=True)
    (folder / "org" / "model.bundle").write_bytes(b"# v2 git bundle\n" + os.urandom(100))
    with opened(folder, tmp_path) as hub, pytest.raises(HubError, match="org/model"):
        hub.resolve("org/model")


def test_many_repositories_stay_within_bounds(folder: Path, tmp_path: Path) -> None:
    """A walk over many models keeps few git processes, and an early one can be read again."""
    for number in range(20):
        BareRepository(folder / "org" / f"m{number:02}.git").commit({"README.md": b"%d" % number}, "first")
    with opened(folder, tmp_path) as hub:
        heads = {model: hub.resolve(model).commit for model in hub.list_models()}
        for model, commit in heads.items():
            assert hub.read(model, commit, "README.md") == b"%d" % int(model[-2:])
        children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
        if children.exists():
            assert len(children.read_text().split()) <= 2 * 8 + 4


def test_letter_case_does_not_matter(folder: Path, tmp_path: Path) -> None:
    """An id in other case means the model that is there, in every layout, and the answer has the folder's spelling."""
    plain(folder, "Lab/Base-1B", "---\nbase_model: LAB/other\n---\n")
    plain(folder, "GPT2")
    BareRepository(folder / "lab" / "Other.git").commit({"README.md": b"#"}, "first")
    (folder / "aliases.json").write_text('{"Old/Name": "Lab/Base-1B"}')
    asked = {"lab/base-1b": "Lab/Base-1B", "LAB/other": "lab/Other", "gpt2": "GPT2", "old/NAME": "Lab/Base-1B"}
    with opened(folder, tmp_path) as hub:
        for name, written in asked.items():
            found = hub.resolve(name)
            assert (found.model, found.asked) == (written, name)
            assert hub.history(name).model == written
        assert list(hub.list_models(base="lab/OTHER")) == ["Lab/Base-1B"]
        with pytest.raises(ModelNotFoundError):
            hub.resolve("lab/base-1")


def test_two_ids_that_differ_in_case_only_are_told_apart(folder: Path, tmp_path: Path) -> None:
    """The id that is written so is meant, and a third way to write it is refused with both names."""
    plain(folder, "org/Model", "one")
    plain(folder, "Org/model", "two")
    with opened(folder, tmp_path) as hub:
        for name, text in (("org/Model", b"one"), ("Org/model", b"two")):
            found = hub.resolve(name)
            assert (found.model, hub.read(found.model, found.commit, "README.md")) == (name, text)
        with pytest.raises(
            ModelNotFoundError, match="Org/model, org/Model differ from it in letter case only"
        ) as refused:
            hub.resolve("ORG/MODEL")
        assert refused.value.hint


@pytest.mark.parametrize("size", [200, 1_200_000])
def test_a_git_object_with_other_content_is_refused(folder: Path, tmp_path: Path, size: int) -> None:
    """What git keeps is hashed when it is read: a loose object whose content does not fit its name is not the file."""
    repository = BareRepository(folder / "org" / "model.git")
    commit = repository.commit({"README.md": b"# card\n", "weights.npz": os.urandom(size)}, "first")
    blob = repository.git("rev-parse", f"{commit}:weights.npz")
    pack = next((repository.git_dir / "objects" / "pack").glob("*.pack"), None)
    if pack is not None:
        packed = pack.read_bytes()
        for path in list(pack.parent.iterdir()):
            path.unlink()
        repository.git("unpack-objects", "-q", stdin=packed)
    loose = repository.git_dir / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    loose.write_bytes(zlib.compress(b"blob %d\0" % size + bytes(size)))
    with opened(folder, tmp_path) as hub:
        assert hub.read("org/model", commit, "README.md") == b"# card\n"
        for read in (lambda: hub.read("org/model", commit, "weights.npz", 0, 4),
                     lambda: list(hub.stream("org/model", commit, "weights.npz"))):  # fmt: skip
            with pytest.raises(ContentMismatchError, match=blob) as refused:
                read()
            assert "git fsck" in (refused.value.hint or "")
