"""What a collection follows, where it stops, and what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lineage.answers.collect import collect
from lineage.answers.session import Session
from lineage.errors import InputError
from lineage.progress import Progress
from lineage.store.memory import MemoryStore
from lineage_schemas.answers.collect import CollectAnswer
from tests.support.bare_repository import BareRepository
from tests.support.notes import Notes


def model(hub: Path, name: str, bases: object = None, **config: object) -> None:
    """Write a model folder whose card names its bases."""
    folder = hub / name
    folder.mkdir(parents=True)
    metadata = {"license": "mit", **({"base_model": bases} if bases is not None else {})}
    (folder / "README.md").write_text(f"---\n{json.dumps(metadata)}\n---\n# {name}\n")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a directory Hub: a chain of four, a merge, a two-cycle, a self-loop."""
    folder = tmp_path / "hub"
    model(folder, "a/base")
    model(folder, "b/tuned", "a/base")
    model(folder, "c/chat", ["b/tuned"])
    model(folder, "d/merged", ["c/chat", "b/other"])
    model(folder, "b/other", "a/base")
    model(folder, "x/one", "x/two")
    model(folder, "x/two", "x/one")
    model(folder, "x/self", "x/self")
    return folder


def run(hub: Path, targets: list[str], progress: Progress | None = None, **how: object) -> CollectAnswer:
    """Collect into memory."""
    with Session(hub_selector=str(hub), store_url="memory:", offline=True, progress=progress or Progress()) as session:
        return collect(session, targets, **how)  # type: ignore[arg-type]


def ids(answer: CollectAnswer) -> list[str]:
    """List the models that were read, in order of name."""
    return sorted(each.id for each in answer.models if each.outcome == "collected")


def test_ancestors_are_followed_to_the_roots(hub: Path) -> None:
    """A target brings all that it declares to come from, each once."""
    assert ids(run(hub, ["d/merged"])) == ["a/base", "b/other", "b/tuned", "c/chat", "d/merged"]


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 3), (2, 5), (9, 5)])
def test_depth_limits_the_generations(hub: Path, depth: int, count: int) -> None:
    """Depth counts steps up from the targets."""
    assert len(ids(run(hub, ["d/merged"], depth=depth))) == count


def test_children_are_followed_down_and_only_down(hub: Path) -> None:
    """With children the descendants of a target are read, and not those of its ancestors."""
    assert ids(run(hub, ["b/tuned"], children=True)) == ["a/base", "b/other", "b/tuned", "c/chat", "d/merged"]
    assert "b/other" not in ids(run(hub, ["c/chat"], children=True, depth=0))


def test_cap_is_said(hub: Path) -> None:
    """At the limit the rest is listed as incomplete, and a person is told."""
    notes = Notes()
    answer = run(hub, ["d/merged"], notes, max_models=2)
    assert len(answer.models) == 2
    assert {item.reason for item in answer.incomplete} == {"limit"}
    assert any("--max-models 2" in note for note in notes.notes)


def test_cycles_and_self_loops_end(hub: Path) -> None:
    """Models that name one another, or themselves, are read once."""
    assert ids(run(hub, ["x/one", "x/self"])) == ["x/one", "x/self", "x/two"]


def test_author_brings_all_of_an_author(hub: Path) -> None:
    """An author's models are targets."""
    assert {"b/tuned", "b/other"} <= set(ids(run(hub, [], author="b")))


def test_more_models_of_an_author_are_told(hub: Path) -> None:
    """An author with more models than the limit is cut, and the cut is in the answer."""
    answer = run(hub, [], author="x", max_models=2)
    assert ("x/…", "limit") in [(item.model, item.reason) for item in answer.incomplete]


def test_bad_line_among_targets_stops_nothing(hub: Path) -> None:
    """A word that is no target has failed in its place."""
    outcomes = {each.id: each.outcome for each in run(hub, ["a/base", "no model"]).models}
    assert outcomes == {"a/base": "collected", "no model": "failed"}


def test_nothing_to_collect_is_refused(hub: Path) -> None:
    """Without a target there is nothing to do, and that is an error of input."""
    with pytest.raises(InputError):
        run(hub, [])


def test_missing_target_fails_and_missing_ancestor_is_kept_by_name(hub: Path) -> None:
    """What was asked for and is not there has failed; an ancestor that is not there is kept."""
    model(hub, "y/orphan", "gone/model")
    outcomes = {each.id: each.outcome for each in run(hub, ["y/orphan", "no/such"]).models}
    assert outcomes == {"y/orphan": "collected", "no/such": "failed", "gone/model": "named"}


def test_folder_of_ones_own_stands_beside_its_ancestors(hub: Path, tmp_path: Path) -> None:
    """A folder outside the Hub is a model of its own Hub, and its ancestors are followed on the session's."""
    model(tmp_path, "mine", "c/chat")
    answer = run(hub, [str(tmp_path / "mine")])
    assert ids(answer) == ["a/base", "b/tuned", "c/chat", "mine"]


def test_changed_model_is_read_again_and_an_unchanged_one_not(hub: Path) -> None:
    """A second run reads only what stands elsewhere than before."""
    store = MemoryStore()
    with Session(hub_selector=str(hub), store_url="memory:", offline=True) as session:
        session.__dict__["store"] = store
        collect(session, ["c/chat"])
    (hub / "c/chat/README.md").write_text('---\n{"base_model": "a/base"}\n---\n')
    with Session(hub_selector=str(hub), store_url="memory:", offline=True) as session:
        session.__dict__["store"] = store
        outcomes = {each.id: each.outcome for each in collect(session, ["c/chat"]).models}
        with store.reading() as view:
            parents = [
                edge.target.rpartition(":")[2]
                for edge in view.edges("DERIVED_FROM", [session.hub.key("c/chat")], "out")
            ]
    assert outcomes == {"c/chat": "collected", "a/base": "unchanged"}
    assert parents == ["a/base"]


def test_the_first_upload_is_no_change(tmp_path: Path) -> None:
    """A summary counts uploads and changes apart: a model that was uploaded once did not change."""
    repository = BareRepository(tmp_path / "org" / "name.git")
    for number, expected in enumerate([(1, 1), (2, 1), (3, 1)]):
        repository.commit({"pytorch_model.bin": bytes([number])})
        collected = run(tmp_path, ["org/name"]).models[0]
        assert (collected.changes, collected.first_uploads) == expected
