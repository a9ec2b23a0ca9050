"""Changes of a line: kinds, windows, verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lineage.versioning.signals import MAX_LINE
from lineage_schemas.change import COUNTING_KINDS
from tests.support.lines import START, HistoryBuilder


def kinds(built: HistoryBuilder) -> list[tuple[str, str | None]]:
    """List kind and verdict of each change."""
    return [(change.kind, change.verdict) for change in built.report().changes]


def base(model: str = "org/name") -> HistoryBuilder:
    """Build a model with one upload of two shards."""
    built = HistoryBuilder(model)
    built.commit(0, {"model-00001-of-00002.safetensors": "a1", "model-00002-of-00002.safetensors": "a2"})
    return built


def test_first_weights_are_a_first_upload_that_does_not_count() -> None:
    """The first weights of a line have a kind, no verdict, and do not count."""
    change = base().report().changes[0]
    assert (change.kind, change.verdict, change.counts) == ("first_upload", None, False)


def test_shards_replaced_in_one_push_are_one_silent_change() -> None:
    """Shards replaced one commit each within minutes are one change of one group."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1"}, "Upload model-00001-of-00002.safetensors")
    built.commit(24.4, {"model-00002-of-00002.safetensors": "b2"}, "Upload model-00002-of-00002.safetensors")
    changes = built.report().changes
    assert [(c.kind, c.verdict, len(c.revisions)) for c in changes[1:]] == [("replaced", "silent", 2)]
    assert changes[1].groups[0].group == "model.safetensors"


def test_an_hour_between_commits_separates_pushes() -> None:
    """A commit one hour after the one before begins a push of its own; one second less does not."""
    built = base()
    built.commit(10, {"model-00001-of-00002.safetensors": "b1"})
    built.commit(11, {"model-00001-of-00002.safetensors": "c1"})
    built.commit(11 + 3599 / 3600, {"model-00001-of-00002.safetensors": "d1"})
    changes = built.report().changes
    assert len(changes) == 3
    assert [(r.path, r.times) for r in changes[2].replacements] == [("model-00001-of-00002.safetensors", 2)]


@pytest.mark.parametrize(("minutes", "changes"), [(-5, 1), (-5 - 1 / 60, 2), (-60 * 24 * 365, 2), (59, 1), (60, 2)])
def test_a_date_before_the_last_one_begins_a_push(minutes: float, changes: int) -> None:
    """Five minutes back are two clocks that differ; whatever is dated earlier is a push and a change of its own."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1"}, "Version 2")
    built.commit(24 + minutes / 60, {"model-00001-of-00002.safetensors": "c1"})
    assert kinds(built)[1:] == [("replaced", "versioned"), ("replaced", "silent")][:changes]


def test_dates_that_creep_back_begin_a_push() -> None:
    """Steps back of less than five minutes each are measured together, from the latest date of the push."""
    built = base()
    for step in range(1, 4):
        built.commit(-step * 290 / 3600, {"model-00001-of-00002.safetensors": f"b{step}"})
    assert kinds(built) == [("first_upload", None), ("replaced", "silent")]


def test_a_commit_without_a_date_is_a_push_of_its_own() -> None:
    """A commit whose date cannot be read does not belong to the upload before or after it."""
    built = base()
    built.commit(None, {"model-00001-of-00002.safetensors": "b1"})
    built.commit(None, {"model-00001-of-00002.safetensors": "c1"})
    built.commit(0.5, {"model-00001-of-00002.safetensors": "d1"})
    assert kinds(built)[1:] == [("replaced", "silent")] * 3


def test_shards_without_dates_are_one_first_upload() -> None:
    """Shards that come in undated commits complete the upload that began with the first of them."""
    built = HistoryBuilder()
    for number in (1, 2, 3):
        built.commit(None, {f"model-0000{number}-of-00003.safetensors": f"a{number}"})
    assert kinds(built) == [("first_upload", None)] * 3


def test_one_file_in_place_of_shards_is_the_same_group_replaced() -> None:
    """Two shards that become one file are one group: replaced, not removed and added."""
    built = base()
    built.commit(
        24,
        {
            "model-00001-of-00002.safetensors": None,
            "model-00002-of-00002.safetensors": None,
            "model.safetensors": "one",
        },
    )
    change = built.report().changes[1]
    assert [(g.group, g.kind) for g in change.groups] == [("model.safetensors", "replaced")]


def test_quantised_file_under_another_name_is_replaced() -> None:
    """A quantised file that is removed while another is added is a replacement."""
    built = HistoryBuilder("quants/name-GPTQ")
    built.commit(0, {"name-4bit--1g.act.order.safetensors": "a"})
    built.commit(24, {"name-4bit--1g.act.order.safetensors": None, "model.safetensors": "b"})
    assert kinds(built)[1:] == [("replaced", "silent")]


def test_renamed_file_does_not_count() -> None:
    """Equal hashes under another path are a renaming."""
    built = HistoryBuilder()
    built.commit(0, {"old.safetensors": "a"})
    built.commit(24, {"old.safetensors": None, "model.safetensors": "a"})
    assert kinds(built)[1:] == [("renamed", None)]


def test_ranks_that_exchange_their_contents_are_replaced() -> None:
    """The path of a rank says which part of the model it is: exchanged, they are another model; moved, the same."""
    built = HistoryBuilder()
    built.commit(0, {"consolidated.00.pth": "a", "consolidated.01.pth": "b"})
    built.commit(24, {"consolidated.00.pth": "b", "consolidated.01.pth": "a"})
    moved = {"x/consolidated.00.pth": "b", "x/consolidated.01.pth": "a"}
    built.commit(48, {"consolidated.00.pth": None, "consolidated.01.pth": None, **moved})
    assert [change.kind for change in built.report().changes] == ["first_upload", "replaced", "renamed"]
    assert built.report().changes[1].groups[0].note == "files exchanged their contents"


def test_missing_shards_continue_the_first_upload() -> None:
    """A push that only adds shards which the first left out has the first one's kind."""
    built = HistoryBuilder()
    built.commit(0, {"model-00001-of-00003.safetensors": "a1"})
    built.commit(5, {"model-00002-of-00003.safetensors": "a2", "model-00003-of-00003.safetensors": "a3"})
    assert kinds(built) == [("first_upload", None), ("first_upload", None)]


def test_other_format_and_other_component_differ() -> None:
    """A further format of the same model and a further component count neither, and have names of their own."""
    built = base()
    built.commit(24, {"pytorch_model.bin": "p"}, "Adding PyTorch weights")
    built.commit(48, {"codec.pth": "c"}, "Upload codec.pth")
    built.commit(72, {"onnx/model.onnx": "o"})
    assert [kind for kind, _ in kinds(built)[1:]] == ["format_added", "component_added", "format_added"]


def test_same_format_in_another_folder_is_another_component() -> None:
    """A checkpoint or another part of a pipeline has other parameters, though its file has the same name."""
    built = HistoryBuilder()
    built.commit(0, {"unet/diffusion_pytorch_model.safetensors": "u"})
    built.commit(24, {"vae/diffusion_pytorch_model.safetensors": "v"})
    built.commit(48, {"unet/diffusion_pytorch_model.bin": "p"})
    assert [kind for kind, _ in kinds(built)[1:]] == ["component_added", "format_added"]


def test_file_added_beside_shards_is_loaded_in_their_place() -> None:
    """A whole file beside unchanged shards replaces what loaders take; its removal is a removal."""
    built = HistoryBuilder()
    built.commit(0, {"pytorch_model-00001-of-00002.bin": "a1", "pytorch_model-00002-of-00002.bin": "a2"})
    built.commit(24, {"pytorch_model.bin": "whole"})
    built.commit(48, {"pytorch_model.bin": None})
    assert kinds(built)[1:] == [("replaced", "silent"), ("removed", "silent")]
    replaced = built.report().changes[1].groups
    assert [(group.group, group.files) for group in replaced] == [("pytorch_model.bin", ("pytorch_model.bin",))]


def test_removed_and_brought_back_later() -> None:
    """Weights that went and came back with other content are removed, then replaced."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": None, "model-00002-of-00002.safetensors": None})
    built.commit(26, {"model-00001-of-00002.safetensors": "b1", "model-00002-of-00002.safetensors": "b2"})
    assert kinds(built)[1:] == [("removed", "silent"), ("replaced", "silent")]


def test_training_run_counts_once_with_its_last_replacement() -> None:
    """Pushes of a trainer are checkpoints, but for the last of the run."""
    built = HistoryBuilder()
    for step in range(4):
        built.commit(step * 2, {"model.safetensors": f"s{step}"}, f"Training in progress, step {(step + 1) * 500}")
    built.commit(9, {"model.safetensors": "end"}, "End of training")
    assert [kind for kind, _ in kinds(built)] == ["first_upload", "checkpoint", "checkpoint", "checkpoint", "replaced"]
    assert sum(change.counts for change in built.report().changes) == 1


def test_commits_that_change_nothing_make_no_change() -> None:
    """Titles that look like uploads make no change where the tree stays as it was."""
    built = base()
    for minute in range(130):
        built.commit(24 + minute / 60, {}, f"Upload model-{minute:05}-of-00162.safetensors")
    assert len(built.report().changes) == 1


def test_tag_in_the_window_makes_versioned() -> None:
    """A tag on any commit between the push and the next change announces it."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1"})
    built.commit(400, {"README.md": "text"}, "Update README.md", tag="v2.0")
    change = built.report().changes[1]
    assert (change.verdict, [s.kind for s in change.signals]) == ("versioned", ["tag"])


def test_signal_belongs_to_the_change_before_it() -> None:
    """A tag on the second change's commit does not announce the first."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1"})
    built.commit(48, {"model-00001-of-00002.safetensors": "c1"}, tag="v2.0")
    assert [verdict for _, verdict in kinds(built)[1:]] == ["silent", "versioned"]


def test_version_that_was_announced_before_announces_nothing() -> None:
    """Naming an old version again announces nothing."""
    built = HistoryBuilder()
    built.commit(0, {"model.safetensors": "a"}, "v1.0 of the model")
    built.commit(24, {"model.safetensors": "b"}, "Upload again, as v1.0")
    built.commit(48, {"model.safetensors": "c"}, "v1.1: new data")
    assert [verdict for _, verdict in kinds(built)[1:]] == ["silent", "versioned"]


def test_card_field_must_change_in_the_window() -> None:
    """A version field that was there before is not a signal; a changed one is."""
    built = HistoryBuilder()
    built.commit(0, {"model.safetensors": "a", "README.md": "---\nversion: 1.0\n---\n"})
    built.commit(24, {"model.safetensors": "b", "README.md": "---\nversion: 1.0\nlicense: mit\n---\n"})
    built.commit(48, {"model.safetensors": "c", "README.md": "---\nversion: 1.1\nlicense: mit\n---\n"})
    assert [verdict for _, verdict in kinds(built)[1:]] == ["silent", "versioned"]


def test_card_fields_are_compared_as_they_are_written() -> None:
    """`1.1` and `1.10` are two versions, though YAML reads one number; quotes and comments make no version."""
    built = HistoryBuilder()
    cards = ["version: 1.1", "version: 1.10", "version: '1.10'", "version: 1.10 # as before", "model_version: 1.10"]
    for day, card in enumerate(cards):
        built.commit(24 * day, {"model.safetensors": f"{day}", "README.md": f"---\n{card}\n---\n"})
    changes = built.report().changes[1:]
    assert [change.verdict for change in changes] == ["versioned", "silent", "silent", "versioned"]
    assert changes[0].signals[0].value == "version: 1.10"


def test_messages_count_for_a_day() -> None:
    """A message about retrained weights documents a push at most 24 hours after it."""
    for hours, verdict in ((23.5, "documented"), (25, "silent")):
        built = base()
        built.commit(24, {"model-00001-of-00002.safetensors": "b1"})
        built.commit(24 + hours, {"notes.md": "x"}, "The weights were retrained with more data")
        assert kinds(built)[1:] == [("replaced", verdict)]


def test_changelog_entry_makes_versioned() -> None:
    """A new version entry in a changelog file or in a changelog section of the card announces a change."""
    for path, before, after in (
        ("CHANGELOG.md", "## 1.0.0\nfirst\n", "## 1.1.0\nother data\n\n## 1.0.0\nfirst\n"),
        (
            "README.md",
            "# Name\n\n## Changelog\n\n- v1.0 first\n",
            "# Name\n\n## Changelog\n\n- v1.1 data\n- v1.0 first\n",
        ),
    ):
        built = HistoryBuilder()
        built.commit(0, {"model.safetensors": "a", path: before})
        built.commit(24, {"model.safetensors": "b", path: after})
        change = built.report().changes[1]
        assert (change.verdict, change.signals[0].kind) == ("versioned", "changelog"), path


def test_name_announces_the_first_upload_only() -> None:
    """A version in the repository's name is a signal of the first upload, not of later changes."""
    built = HistoryBuilder("org/name-v2")
    built.commit(0, {"model.safetensors": "a"})
    built.commit(24, {"model.safetensors": "b"})
    first, second = built.report().changes
    assert [s.kind for s in first.signals] == ["name"]
    assert second.verdict == "silent"


def test_unreadable_card_is_unchecked_and_never_fatal() -> None:
    """A card that cannot be read may hold the announcement: it is listed as unchecked beside the verdict."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1", "README.md": "UNREADABLE"})
    change = built.report().changes[1]
    assert change.verdict == "silent"
    assert any(item.what.startswith("README.md at") for item in change.unchecked)


def test_a_card_that_is_too_long_is_no_silence() -> None:
    """A card that is at hand and too long may hold the announcement: without another one the change has no verdict."""
    told = base()
    told.commit(24, {"model-00001-of-00002.safetensors": "b1", "README.md": "TOO LONG"})
    told.commit(48, {"model-00001-of-00002.safetensors": "b2", "README.md": "short"})
    told.commit(72, {"model-00001-of-00002.safetensors": "b3"}, "v2.0")
    told.commit(96, {"model-00001-of-00002.safetensors": "b4"})
    changes = told.report().changes[1:]
    assert [change.verdict for change in changes] == [None, None, "versioned", "silent"]
    assert [bool(change.counts) for change in changes] == [True] * 4
    assert [sum("too long" in item.reason for item in change.unchecked) for change in changes] == [1, 1, 0, 0]


def test_counts_follow_the_kinds() -> None:
    """A change counts exactly when its kind does, and has a verdict exactly then."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1", "codec.pth": "c"})
    built.commit(48, {"model-00001-of-00002.safetensors": None, "model-00002-of-00002.safetensors": None})
    for change in built.report().changes:
        assert change.counts == (change.kind in COUNTING_KINDS) == (change.verdict is not None)


def test_the_end_of_time_is_a_date_like_others() -> None:
    """For a push dated at the last second that a date can hold, a text in it counts."""
    built = base()
    hours = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - START) / timedelta(hours=1)
    built.commit(hours, {"model-00001-of-00002.safetensors": "b1", "README.md": "We fixed the weights."})
    assert kinds(built)[1:] == [("replaced", "documented")]


def test_paths_that_no_checkout_makes() -> None:
    """A tree may hold entries named `.` and `..`: they are files without announcements."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1", ".": "v2", "..": "v2"})
    assert kinds(built)[1:] == [("replaced", "silent")]


def test_a_flood_in_a_title_is_cut() -> None:
    """A title of a megabyte that names a version is a signal of readable length."""
    built = base()
    built.commit(24, {"model-00001-of-00002.safetensors": "b1"}, "Release v2 " * 100_000)
    change = built.report().changes[1]
    assert (change.verdict, len(change.signals[0].value)) == ("versioned", MAX_LINE)
