"""`lineage history` as release notes: rows, reconstructed versions, behaviour, declared releases, the changelog."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from lineage.answers.collect import collect
from lineage.answers.history import history
from lineage.answers.lines import pick_line
from lineage.answers.release_notes import announced_on, rows_of, stored_cards
from lineage.answers.session import Session
from lineage.collect.recorded_hub import RecordedHub
from lineage_cli.main import main
from lineage_schemas.answers.history import HistoryLine, HistoryRow
from tests.support.bare_repository import BareRepository
from tests.support.readings import MODEL
from tests.support.weight_files import safetensors_bytes

CARD = "---\nlicense: mit\n{}---\n# Model\n{}\n"


def weights(seed: int, rows: int = 4) -> bytes:
    """Make one matrix."""
    return safetensors_bytes({"layers.0.weight": ("F32", (rows, 4), random.Random(seed).randbytes(rows * 16))})


def text(**fields: object) -> bytes:
    """Write a JSON file."""
    return json.dumps(fields).encode()


def card(fields: str = "", body: str = "") -> bytes:
    """Write a card."""
    return CARD.format(fields, body).encode()


def publish(repository: BareRepository) -> None:
    """Make the history of a publisher who announces a part of what changes."""
    config = text(model_type="llama", hidden_size=4)
    repository.commit({"README.md": card(), "config.json": config}, "initial")
    repository.commit({"model.safetensors": weights(1), "tokenizer_config.json": text(chat_template="a")}, "Upload")
    repository.commit({"tokenizer_config.json": text(chat_template="b")}, "Fix chat template")
    repository.commit({"README.md": card(body="More text.")}, "Update README.md")
    repository.commit({"model.safetensors": weights(2)}, "Upload model")
    repository.commit({"config.json": config.replace(b", ", b",\n")}, "Format config")
    repository.commit({"generation_config.json": text(temperature=0.6)}, "Add defaults")
    repository.tag("v1.3")
    wide = text(model_type="llama", hidden_size=8)
    files = {
        "model.safetensors": weights(3, 8),
        "config.json": wide,
        "README.md": card("version: 2.0\n", "After v1.3."),
    }
    repository.commit(files, "New weights")
    repository.commit({"modeling_own.py": b"import torch\n"}, "Add code that no config names")
    repository.tag("fp16")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Read that history into a store, once."""
    folder = tmp_path_factory.mktemp("published")
    publish(BareRepository(folder / "hub" / f"{MODEL}.git"))
    with Session(hub_selector=str(folder / "hub"), store_url=f"sqlite:///{folder}/lineage.db") as opened:
        collect(opened, [MODEL])
        yield opened


def line(session: Session, **how: bool) -> HistoryLine:
    """Read the default branch."""
    return history(session, MODEL, **how).lines[0]


def shown(rows: tuple[HistoryRow, ...] | None) -> list[tuple[str, str | None, bool, str | None]]:
    """Write rows as kind, version, whether it was announced, verdict."""
    return [(row.kind, row.version, row.announced, row.verdict) for row in rows or ()]


def test_each_push_that_users_notice_is_a_row_with_its_version(published: Session) -> None:
    """First upload, changes of weights, and behaviour: announced versions as they are, others by what changed."""
    found = line(published)
    assert shown(found.rows) == [
        ("first_upload", "1.0.0", False, None),
        ("behaviour", "1.1.0", False, None),
        ("retrained", "1.2.0", False, "versioned"),
        ("behaviour", "1.3.0", True, None),
        ("reshaped", "2.0.0", True, "versioned"),
        ("behaviour", "2.0.1", False, None),
    ]
    assert len(found.pushes) == 9
    rows = found.rows or ()
    assert [[facet.name for facet in row.changed] for row in rows] == [
        [], ["chat_template"], [], ["generation"], ["architecture"], ["custom_code"],
    ]  # fmt: skip
    assert all(row.unjudged == () for row in rows)
    assert found.counts.after_first_upload == 2, "behaviour is no change of weights"
    assert line(published, pushes=True).rows is None


def test_releases_are_consolidated_with_the_parts_that_they_have(published: Session) -> None:
    """One row for each tag and new card version, with what changed since the one before, whatever lies between."""
    releases = line(published, releases=True).releases or ()
    assert [(each.version, each.names) for each in releases] == [
        ("1.3.0", ("the tag v1.3",)), ("2.0.0", ("the card (version: 2.0)",)), (None, ("the tag fp16",)),
    ]  # fmt: skip
    assert [(each.pushes, each.changes, each.weights, each.verdicts) for each in releases] == [
        (7, 1, "retrained", {"versioned": 1}), (1, 1, "reshaped", {"versioned": 1}), (1, 0, None, {}),
    ]  # fmt: skip
    assert [facet.name for facet in releases[1].changed] == ["architecture"]
    parts = [each.parts for each in releases]
    assert [each.version for each in parts] == [True, True, False]
    assert [each.earlier_release for each in parts] == [None, True, False]
    assert [each.datasets for each in parts] == [False, False, False]
    assert all(each.weights and each.configuration and each.documentation for each in parts)


def test_a_version_that_two_commits_have_is_ambiguous(repository: BareRepository, session: Session) -> None:
    """A release whose number another tag has too has no unambiguous version."""
    repository.commit({"model.safetensors": weights(1)})
    repository.tag("v1.0")
    repository.commit({"model.safetensors": weights(2)})
    repository.tag("1.0.0")
    releases = line(session, releases=True).releases or ()
    assert [each.parts.version for each in releases] == [False, False]
    assert [each.parts.documentation for each in releases] == [False, False]


def test_texts_that_are_not_at_hand_leave_a_row_unjudged(repository: BareRepository, session: Session) -> None:
    """Offline a store has no old configs: the row names the file and the command, and the answer is unchecked."""
    repository.commit({"model.safetensors": weights(1), "generation_config.json": text(temperature=1.0)})
    repository.commit({"generation_config.json": text(temperature=0.5)}, "Change defaults")
    repository.commit({"model.safetensors": weights(2)})
    collect(session, [MODEL])
    with session.store.reading() as view:
        recorded = pick_line(view, session.hub.key(MODEL), None)
        assert recorded is not None
        announced = announced_on(recorded, stored_cards(view, recorded))
    rows = rows_of(RecordedHub(session.hub, session.store), recorded, announced)
    assert [row.kind for row in rows] == ["first_upload", "unjudged", "retrained"]
    (unjudged,) = rows[1].unjudged
    assert unjudged.what.startswith("generation_config.json from ")
    assert unjudged.decide_with is not None
    assert unjudged.decide_with.startswith(f"lineage diff {MODEL}@")
    assert [row.version for row in rows] == ["1.0.0", None, None], "what is worth nothing known gives no number"


def test_pushes_beyond_the_limit_are_not_compared(
    repository: BareRepository, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row older than the newest ones says so, and is not taken for one without changes."""
    monkeypatch.setattr("lineage.answers.release_notes.MAX_JUDGED", 2)
    repository.commit({"model.safetensors": weights(1), "generation_config.json": text(temperature=0)})
    for number in range(1, 4):
        repository.commit({"generation_config.json": text(temperature=number)})
    rows = line(session).rows or ()
    assert [row.kind for row in rows] == ["first_upload", "unjudged", "behaviour", "behaviour"]
    assert "newest 2" in rows[1].unjudged[0].reason


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ([], ["# Changelog of `org/name`", "## 2.0.0 – ", "## 1.1.0 (not announced) – ", "Chat template: `"]),
        (["--releases"], ["## 1.3.0 – ", "- Has: unambiguous version, weights", "- Lacks: links to data sets"]),
    ],
)
def test_markdown_is_a_changelog(published: Session, option: list[str], expected: list[str]) -> None:
    """The newest version comes first, and each says whether it was announced."""
    hub, store = str(published.hub_selector), published.store_url
    arguments = ["history", MODEL, "--hub", hub, "--store", store, "--format", "markdown", *option]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.stderr
    for words in expected:
        assert words in done.stdout
    assert "<script>" not in done.stdout


def test_the_table_tells_what_was_announced(published: Session) -> None:
    """Reconstructed versions stand in parentheses, other pushes are counted."""
    hub, store = str(published.hub_selector), published.store_url
    done = CliRunner().invoke(main, ["history", MODEL, "--hub", hub, "--store", store])
    assert done.exit_code == 0, done.stderr
    assert "(1.1.0)" in done.stdout
    assert "[v1.3] generation defaults" in done.stdout
    assert "3 other pushes changed nothing for a user who updates" in done.stdout


@pytest.mark.parametrize(("gone", "version"), [("model.fp16.safetensors", "1.1.0"), ("model.safetensors", "2.0.0")])
def test_a_removed_variant_is_less_than_the_removed_main_weights(
    gone: str, version: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Programs that load the model still find what they load if only a variant is gone."""
    folder = tmp_path_factory.mktemp("removed")
    made = BareRepository(folder / f"{MODEL}.git")
    made.commit({"model.safetensors": weights(1), "model.fp16.safetensors": weights(2), "config.json": text(a=1)})
    made.commit({gone: None}, "Clean up")
    with Session(hub_selector=str(folder), store_url="memory:") as opened:
        [line] = history(opened, MODEL).lines
    assert line.rows is not None
    assert [(row.kind, row.version) for row in line.rows] == [("first_upload", "1.0.0"), ("removed", version)]
