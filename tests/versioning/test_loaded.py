"""What loaders take before and after a push."""

from __future__ import annotations

import json

import pytest

from lineage.versioning.contents import FileHash
from lineage.versioning.groups import PlacedGroup
from lineage.versioning.measured import Measurement
from lineage_schemas.change import ChangeKind
from tests.support.lines import HistoryBuilder

INDEX = "model.safetensors.index.json"


def index(*files: str) -> str:
    """Write an index that lists one tensor in each of some files."""
    return json.dumps({"weight_map": {f"layers.{n}": file for n, file in enumerate(files)}})


class Answering:
    """Compare weights by a given answer, and remember which groups were asked about."""

    def __init__(self, kind: ChangeKind, undecided: str | None = None) -> None:
        self.answer = Measurement(kind, undecided=undecided)
        self.asked: list[tuple[str, str]] = []

    def compare(self, before: PlacedGroup, after: PlacedGroup) -> Measurement:
        """Give the answer."""
        self.asked.append((before.group.name, after.group.name))
        return self.answer

    def sha256(self, commit: str, path: str, size: int) -> FileHash:
        """Know no file."""
        return FileHash(None)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answering("retrained"), "retrained"),
        (Answering("cast"), "cast"),
        (Answering("reserialised"), "format_added"),
        (Answering("replaced", "files of different formats are not compared value by value"), "format_added"),
        (Answering("replaced"), "format_added"),
    ],
    ids=["other-values", "cast", "same", "undecided", "unread"],
)
def test_a_format_that_loaders_prefer_counts_where_its_values_differ(answer: Answering, kind: str) -> None:
    """A safetensors file beside a pickle is the same model unless a comparison of the two shows another."""
    built = HistoryBuilder()
    built.commit(0, {"pytorch_model.bin": "a"})
    built.commit(24, {"model.safetensors": "b"})
    change = built.report(answer).changes[1]
    assert (change.kind, change.unchecked) == (kind, ())
    assert answer.asked == [("pytorch_model.bin", "model.safetensors")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("model.safetensors", "pytorch_model.bin"),
        ("model.safetensors", "model.Q4_K_M.gguf"),
        ("consolidated.safetensors", "pytorch_model.bin"),
        ("model.safetensors", "adapter_model.bin"),
        ("checkpoint-500/pytorch_model.bin", "checkpoint-900/model.safetensors"),
        ("name-Q5_K_S.gguf", "name-Q4_K_M.gguf"),
    ],
)
def test_a_file_that_no_loader_takes_instead_is_added(before: str, after: str) -> None:
    """A format that loaders take second, another kind of model, another folder or quantisation replaces nothing."""
    built = HistoryBuilder()
    built.commit(0, {before: "a"})
    built.commit(24, {after: "b"})
    answer = Answering("retrained")
    assert built.report(answer).changes[1].kind in ("format_added", "component_added")
    assert answer.asked == []


def test_an_index_is_read_only_where_it_decides() -> None:
    """An unreadable index matters from the push on that brings a second set of shards."""
    built = HistoryBuilder()
    built.commit(
        0, {"model-00001-of-00002.safetensors": "a", "model-00002-of-00002.safetensors": "b", INDEX: "UNREADABLE"}
    )
    built.commit(24, {"model-00001-of-00002.safetensors": "c"})
    built.commit(48, {"model-00001-of-00001.safetensors": "d"})
    built.commit(72, {"codec.pth": "e"})
    built.commit(96, {"model-00001-of-00001.safetensors": None})
    unread = [[item.what for item in change.unchecked if INDEX in item.what] for change in built.report().changes]
    assert [len(each) for each in unread] == [0, 0, 1, 0, 1]


def test_an_unread_index_that_moves_alone_is_a_change_of_unknown_kind() -> None:
    """What loaders take may have become another set: neither a finding nor clean."""
    built = HistoryBuilder()
    built.commit(0, {f"model-0000{n}-of-00002.safetensors": f"a{n}" for n in (1, 2)})
    built.commit(24, {"model-00001-of-00001.safetensors": "b", INDEX: index("model-00001-of-00001.safetensors")})
    built.commit(48, {INDEX: "UNREADABLE"})
    change = built.report().changes[-1]
    assert (change.kind, change.counts, change.verdict) == ("unknown", False, None)
    assert [group.files for group in change.groups] == [(INDEX,)]
    assert len(change.unchecked) == 1


def test_an_index_that_changes_and_lists_the_same_files_is_no_change() -> None:
    """Another total size in the index of two sets is nothing that a loader takes otherwise."""
    built = HistoryBuilder()
    files = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    built.commit(0, {**dict.fromkeys(files, "a"), "model-00001-of-00001.safetensors": "b", INDEX: index(*files)})
    built.commit(24, {INDEX: index(*files, files[0])})
    assert [change.kind for change in built.report().changes] == ["first_upload"]


def test_weights_that_come_after_a_config_are_a_first_upload() -> None:
    """A tree of a config alone had no weights: what comes is neither replaced nor brought back."""
    built = HistoryBuilder()
    built.commit(0, {"config.json": "{}"})
    built.commit(24, {"model.safetensors": "a"})
    built.commit(48, {"config.json": None})
    assert [change.kind for change in built.report().changes] == ["first_upload"]


def shards(folder: str, of: int, content: str) -> dict[str, str]:
    """Make a complete set of shards."""
    return {f"{folder}model-{n:05d}-of-{of:05d}.safetensors": f"{content}{n}" for n in range(1, of + 1)}


@pytest.mark.parametrize("beside", [False, True], ids=["moves-alone", "with-the-files-it-lists"])
def test_an_index_may_list_files_in_another_folder(beside: bool) -> None:
    """An index that moves from one folder's shards to another's replaces what is loaded, and later pushes see it."""
    built = HistoryBuilder()
    old, new = shards("old/", 2, "a"), shards("new/", 2, "b")
    built.commit(0, {**old, **({} if beside else new), INDEX: index(*old)})
    built.commit(24, {**(new if beside else {}), INDEX: index(*new)})
    built.commit(48, {"codec.pth": "c"})
    answer = Answering("retrained")
    changes = built.report(answer).changes
    assert [(c.kind, c.verdict) for c in changes[1:]] == [("retrained", "silent"), ("component_added", None)]
    assert answer.asked == [("old/model.safetensors", "new/model.safetensors")]


def test_an_index_that_stops_listing_a_shard_changes_what_is_loaded() -> None:
    """The shards of a set that the index lists are compared with all of them; the set then stays as it is."""
    built = HistoryBuilder()
    files = list(shards("", 3, "a"))
    built.commit(0, {**shards("", 3, "a"), INDEX: index(*files)})
    built.commit(24, {INDEX: index(*files[:2])})
    built.commit(48, {"codec.pth": "c"})
    answer = Answering("reshaped")
    changes = built.report(answer).changes
    assert [(c.kind, c.verdict) for c in changes[1:]] == [("reshaped", "silent"), ("component_added", None)]
    assert answer.asked == [("model.safetensors", "model.safetensors")]


def test_an_unread_index_of_one_set_that_changes_alone_is_unchecked() -> None:
    """It may have stopped listing a shard."""
    built = HistoryBuilder()
    built.commit(0, {**shards("", 3, "a"), INDEX: index(*shards("", 3, "a"))})
    built.commit(24, {INDEX: "UNREADABLE"})
    change = built.report().changes[-1]
    assert (change.kind, len(change.unchecked)) == ("unknown", 1)


@pytest.mark.parametrize(
    "push", [{"config.json": "{}"}, {"params.json": None}, {"config.json": "{}", "params.json": None}]
)
def test_a_file_that_decides_between_layouts_changes_what_is_loaded(push: dict[str, str | None]) -> None:
    """Where params.json goes or config.json comes, another of two models that stay is loaded."""
    built = HistoryBuilder()
    built.commit(0, {"params.json": "{}", "consolidated.safetensors": "a", "model.safetensors": "b"})
    built.commit(24, push)
    change = built.report(Answering("retrained")).changes[-1]
    assert (change.kind, change.verdict, change.groups[0].group) == ("retrained", "silent", "model.safetensors")
    assert change.groups[0].files == tuple(sorted(push))


def test_two_complete_sets_without_an_index_are_unchecked() -> None:
    """Names alone do not show which of two sets is loaded; a GGUF file is picked by its name."""
    built = HistoryBuilder()
    built.commit(0, shards("", 3, "a"))
    built.commit(24, shards("", 2, "b"))
    built.commit(48, {"README.md": "text"})
    added = built.report().changes[1:]
    assert [(change.kind, len(change.unchecked)) for change in added] == [("component_added", 1)]
    picked = HistoryBuilder()
    for n, of in enumerate((3, 2)):
        picked.commit(24 * n, {path.replace("safetensors", "gguf"): text for path, text in shards("", of, "a").items()})
    assert [change.unchecked for change in picked.report().changes] == [(), ()]


def test_removing_the_index_of_two_sets_is_unchecked() -> None:
    """Which of the two sets is loaded is not known any more, although no shard changed."""
    built = HistoryBuilder()
    built.commit(0, {**shards("", 3, "a"), **shards("", 2, "b"), INDEX: index(*shards("", 3, "a"))})
    built.commit(24, {INDEX: None})
    change = built.report().changes[-1]
    assert (change.kind, change.groups[0].files, len(change.unchecked)) == ("unknown", (INDEX,), 1)
