"""A plain folder as a model: one revision by content, and nothing outside it."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from lineage.errors import FileNotInRevisionError, HubError, InputError, ModelNotFoundError, RevisionNotFoundError
from lineage.hub.lfs import format_pointer, git_blob_id
from lineage.hub.local import plain_folder
from lineage.hub.local.folder import FolderHub, model_id, open_folder
from lineage.hub.target import repository_id_problem
from tests.support.bare_repository import BareRepository
from tests.support.hub_kinds import settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my-model"
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "config.json").write_text('{"model_type": "gpt2"}')
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    (folder / "sub" / "weights.bin").write_bytes(b"\1" * 100)
    return folder


@pytest.fixture
def hub(folder: Path, tmp_path: Path) -> FolderHub:
    return open_folder(folder, settings(tmp_path))


def head(hub: FolderHub) -> str:
    return hub.resolve(hub.model).commit


def test_the_revision_is_the_content(hub: FolderHub, folder: Path, tmp_path: Path) -> None:
    """Copies have the same revision, whatever their dates; any byte, name or file more makes another."""
    commit = head(hub)
    assert commit == "folder:d5f468c427893c3d55fc6c39904470c85d412ba035ad355774ebc997773cf64d"
    shutil.copytree(folder, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*"):
        os.utime(path, (0, 0))
    copy = open_folder(tmp_path / "copy", settings(tmp_path))
    assert head(copy) == commit
    seen = {commit}
    for change in ("README.md", "model.safetensors", "new.txt", "sub/weights.bin"):
        (tmp_path / "copy" / change).write_bytes(b"\2" * 100)
        seen.add(head(copy))
    (tmp_path / "copy" / "new.txt").rename(tmp_path / "copy" / "newer.txt")
    seen.add(head(copy))
    assert len(seen) == 6


def test_a_change_within_the_same_clock_tick_is_seen(hub: FolderHub, folder: Path) -> None:
    """Equal size and a modification time set back do not hide new bytes."""
    before = head(hub)
    weights = folder / "model.safetensors"
    times = weights.stat().st_mtime_ns
    weights.write_bytes(b"\3" * 100)
    os.utime(weights, ns=(times, times))
    assert head(hub) != before


def test_an_old_revision_is_not_mixed_with_the_new(hub: FolderHub, folder: Path) -> None:
    """What was resolved before a change is refused after it, file by file."""
    commit = head(hub)
    (folder / "model.safetensors").write_bytes(b"\4" * 100)
    with pytest.raises(FileNotInRevisionError, match="changed"):
        hub.read(hub.model, commit, "model.safetensors")
    with pytest.raises(RevisionNotFoundError):
        hub.resolve(hub.model, commit)
    head(hub)
    with pytest.raises(RevisionNotFoundError, match="no longer"):
        hub.read(hub.model, commit, "README.md")


def test_a_revision_is_named_whole_or_by_its_beginning(hub: FolderHub) -> None:
    """Seven digits after `folder:` suffice; branches there are none."""
    commit = head(hub)
    assert hub.resolve(hub.model, commit[:14]).commit == commit
    for other in (commit[:13], "main", "folder:", commit[7:]):
        with pytest.raises(RevisionNotFoundError, match="plain folder"):
            hub.resolve(hub.model, other)


def test_the_history_is_one_undated_commit(hub: FolderHub) -> None:
    """Modification times are no evidence: the one commit adds every file and has no date."""
    history = hub.history(hub.model)
    (commit,) = history.commits
    assert (history.source, history.default_branch, history.refs, commit.date) == ("folder", None, (), None)
    assert [(change.path, change.status) for change in commit.changes or ()] == [
        ("README.md", "A"),
        ("config.json", "A"),
        ("model.safetensors", "A"),
        ("sub/weights.bin", "A"),
    ]


def test_what_leads_out_is_skipped_with_a_reason(hub: FolderHub, folder: Path, tmp_path: Path) -> None:
    """Links out of the folder, to nothing, in a circle or to folders, and devices, are named and not read."""
    (tmp_path / "secret").write_text("secret")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "config2.json").symlink_to("/etc/passwd")
    (folder / "nowhere").symlink_to("nothing")
    (folder / "circle").symlink_to("circle")
    (folder / "sub" / "up").symlink_to("..")
    os.mkfifo(folder / "pipe.bin")
    (folder / "alias.json").symlink_to("config.json")
    snapshot = hub.snapshot(hub.resolve(hub.model))
    assert set(snapshot.unreadable) == {"out", "config2.json", "nowhere", "circle", "sub/up", "pipe.bin"}
    files = {entry.path: entry for entry in snapshot.files}
    assert files["alias.json"].identity == files["config.json"].identity
    with pytest.raises(FileNotInRevisionError, match="leads out"):
        hub.read(hub.model, snapshot.commit, "out")


@pytest.mark.parametrize("name", ["model.safetensors", "sub/weights.bin", "README.md", "tokenizer.json"])
def test_a_pointer_is_not_the_file_that_it_names(hub: FolderHub, folder: Path, name: str) -> None:
    """A git-LFS pointer is listed as the file that it replaces, is not read as content, and makes another revision."""
    content = b"\5" * 4321
    (folder / name).write_bytes(content)
    real = hub.snapshot(hub.resolve(hub.model))
    sha256 = hashlib.sha256(content).hexdigest()
    (folder / name).write_bytes(format_pointer(sha256, len(content)))
    snapshot = hub.snapshot(hub.resolve(hub.model))
    (entry,) = [entry for entry in snapshot.files if entry.path == name]
    assert (entry.sha256, entry.size) == (sha256, len(content))
    assert "git-LFS pointer" in snapshot.without_bytes[name]
    assert snapshot.without_bytes[name] == snapshot.unreadable[name]
    assert snapshot.commit != real.commit
    for read in (hub.read, hub.local_path):
        with pytest.raises(FileNotInRevisionError, match="git-LFS pointer") as refused:
            read(hub.model, snapshot.commit, name)
        assert refused.value.hint == "run `git lfs pull`"


def test_a_damaged_pointer_counts_only_where_weights_should_be(hub: FolderHub, folder: Path) -> None:
    """A weight file that begins like a pointer has no known content; a text that does is a text."""
    for name in ("model.safetensors", "notes.txt"):
        (folder / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\n<<<<<<< HEAD\n")
    snapshot = hub.snapshot(hub.resolve(hub.model))
    assert {entry.path: entry.identity for entry in snapshot.files}["model.safetensors"] is None
    assert set(snapshot.without_bytes) == {"model.safetensors"}


def test_a_snapshot_folder_of_the_cache_names_what_its_links_lead_to(tmp_path: Path) -> None:
    """A link whose blob is gone is listed with the hash in the blob's name; one that names nothing is unreadable."""
    commit, sha256 = "a" * 40, "b" * 64
    snapshot_folder = tmp_path / "models--org--model" / "snapshots" / commit
    snapshot_folder.mkdir(parents=True)
    (tmp_path / "models--org--model" / "blobs").mkdir()
    (snapshot_folder / "config.json").write_text("{}")
    (snapshot_folder / "model.safetensors").symlink_to(f"../../blobs/{sha256}")
    (snapshot_folder / "other.safetensors").symlink_to(f"../../elsewhere/{sha256}")
    with open_folder(snapshot_folder, settings(tmp_path)) as hub:
        snapshot = hub.snapshot(hub.resolve(hub.model))
        assert {entry.path: entry.sha256 for entry in snapshot.files} == {
            "config.json": None, "model.safetensors": sha256,
        }  # fmt: skip
        assert set(snapshot.unreadable) == {"model.safetensors", "other.safetensors"}
        with pytest.raises(FileNotInRevisionError, match="bytes that it leads to are not there") as refused:
            hub.read(hub.model, snapshot.commit, "model.safetensors")
        assert refused.value.hint == f"hf download org/model model.safetensors --revision {commit}"


def test_odd_contents_are_no_end(hub: FolderHub, folder: Path) -> None:
    """A broken card, a folder where the config should be and a name that is not UTF-8 leave the rest readable."""
    (folder / "README.md").write_bytes(b"---\na: [\n---\n\xff")
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    (folder / "config.json" / "x").write_text("x")
    (folder / os.fsdecode(b"bad-\xff.bin")).write_bytes(b"x")
    snapshot = hub.snapshot(hub.resolve(hub.model))
    assert "broken" in snapshot.unreadable["README.md"]
    assert (snapshot.card, snapshot.config) == (None, None)
    assert snapshot.card_text is not None
    assert {"config.json/x", "bad-\\xff.bin"} < {entry.path for entry in snapshot.files}
    assert hub.read(hub.model, snapshot.commit, "bad-\\xff.bin") == b"x"
    snapshot.model_dump_json()


def test_a_large_text_is_not_parsed(hub: FolderHub, folder: Path) -> None:
    """A card of many megabytes is not read, with the reason."""
    (folder / "README.md").write_bytes(b"---\na: 1\n---\n" + b"x" * 11_000_000)
    snapshot = hub.snapshot(hub.resolve(hub.model))
    assert "more than the 10,000,000 bytes" in snapshot.unreadable["README.md"]
    assert snapshot.card is None


def test_what_tools_keep_beside_a_model_is_no_part_of_it(hub: FolderHub, folder: Path) -> None:
    """The Hub client's `.cache` in a download folder changes nothing."""
    before = head(hub)
    (folder / ".cache" / "huggingface").mkdir(parents=True)
    (folder / ".cache" / "huggingface" / "x.metadata").write_text("x")
    assert head(hub) == before


def test_small_texts_have_gits_name(hub: FolderHub) -> None:
    """A config has the identity that it has in any git repository, so that copies are recognised."""
    files = {entry.path: entry for entry in hub.snapshot(hub.resolve(hub.model)).files}
    assert files["config.json"].identity == "gitblob:" + git_blob_id(b'{"model_type": "gpt2"}')


def test_a_home_is_no_model(hub: FolderHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with too many files is refused before everything in it is hashed."""
    monkeypatch.setattr(plain_folder, "MAX_FILES", 3)
    with pytest.raises(HubError, match="more than 3 files"):
        hub.resolve(hub.model)


def test_a_snapshot_of_the_clients_cache_may_link_to_its_blobs(tmp_path: Path) -> None:
    """A path into the Hub client's cache is the model that was downloaded there."""
    root = tmp_path / "hub" / "models--org--name"
    snapshot = root / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (root / "blobs").mkdir()
    (root / "blobs" / "x").write_bytes(b"{}")
    (snapshot / "config.json").symlink_to("../../blobs/x")
    (snapshot / "evil.json").symlink_to("/etc/passwd")
    with open_folder(snapshot, settings(tmp_path)) as hub:
        assert hub.model == "org/name"
        found = hub.snapshot(hub.resolve("org/name"))
        assert [entry.path for entry in found.files] == ["config.json"]
        assert set(found.unreadable) == {"evil.json"}


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("my-model", "my-model"),
        ("My Model (1)", "My-Model-1"),
        ("模型", "model"),
        ("a--b..c", "a-b.c"),
        ("x.git", "x"),
        (".hidden", "hidden"),
        ("y" * 200, "y" * 96),
        ("-", "model"),
    ],
)
def test_any_folder_name_makes_an_id(name: str, model: str) -> None:
    """The one model of a folder has an id that the rest of the house accepts."""
    assert model_id(Path("/x") / name) == model
    assert repository_id_problem(model) is None


def test_a_folder_is_one_model(hub: FolderHub) -> None:
    """Another name is rejected, and the error has the right one."""
    with pytest.raises(ModelNotFoundError, match="my-model"):
        hub.resolve("org/other")


def test_repositories_and_bundles_are_folders_too(tmp_path: Path) -> None:
    """A path to a bare repository or a bundle gives its history."""
    repository = BareRepository(tmp_path / "there.git")
    repository.commit({"README.md": b"1"}, "first")
    repository.git("bundle", "create", "--quiet", str(tmp_path / "there.bundle"), "--all", "HEAD")
    for name in ("there.git", "there.bundle"):
        with open_folder(tmp_path / name, settings(tmp_path)) as hub:
            assert hub.model == "there"
            assert [commit.title for commit in hub.history("there").commits] == ["first"]


def test_no_folder_is_an_input_error(folder: Path, tmp_path: Path) -> None:
    """A path to nothing, or to one file, is an error with what to do."""
    for path in (tmp_path / "nothing", folder / "config.json"):
        with pytest.raises(InputError) as refused:
            open_folder(path, settings(tmp_path))
        assert refused.value.hint


def test_a_whole_machine_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The root and a home folder are refused before anything is read, unless a model's files are right in them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "somewhere" / "config.json").write_text("{}")
    for path, kind in ((Path("/"), "root of this machine"), (tmp_path, "your home folder")):
        with pytest.raises(InputError, match=f"{kind}: it is not one model, and nothing was read") as refused:
            open_folder(path, settings(tmp_path))
        assert "one model" in (refused.value.hint or "")
    (tmp_path / "config.json").write_text("{}")
    assert open_folder(tmp_path, settings(tmp_path)).model


def test_a_disk_is_refused_before_it_is_read(hub: FolderHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders count as files do, and not one file is hashed of what is too much."""
    monkeypatch.setattr(plain_folder, "MAX_FILES", 20)
    monkeypatch.setattr(plain_folder.PlainFolder, "_entry", None)
    for name in range(21):
        (folder / f"empty-{name}").mkdir()
    with pytest.raises(HubError, match="more than 20 files and folders"):
        hub.resolve(hub.model)


def test_large_files_are_hashed_ahead(hub: FolderHub, folder: Path) -> None:
    """Large files, which are hashed side by side, have their SHA-256; one that cannot be read has its own reason."""
    expected = {}
    for number in range(3):
        place = folder / f"part-{number}.safetensors"
        with place.open("wb") as file:
            file.write(b"%d" % number)
            file.truncate((17 << 20) + number)
        expected[place.name] = hashlib.sha256(place.read_bytes()).hexdigest()
    hollow = folder / "part-3.safetensors"
    with hollow.open("wb") as file:
        file.truncate(20_000_000_000)
    snapshot = hub.snapshot(hub.resolve(hub.model))
    found = {entry.path: entry.sha256 for entry in snapshot.files}
    assert {path: found[path] for path in expected} == expected
    assert "sparse" in snapshot.unreadable[hollow.name]
    size = (17 << 20) + 1
    assert hub.known_pass(folder / "part-1.safetensors") == (expected["part-1.safetensors"], size, [])
