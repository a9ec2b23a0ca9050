"""Where a model comes from, which models are built on it, and the paths between two models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.errors import InputError
from lineage_schemas.answers.trace import TraceAnswer
from lineage_schemas.export import json_schema
from tests.support.notes import Notes


def write_model(folder: Path, card: Mapping[str, Any] | None = None, files: Mapping[str, object] | None = None) -> None:
    """Write a model folder: a card, a config, and other small files as JSON."""
    folder.mkdir(parents=True)
    if card is not None:
        (folder / "README.md").write_text(f"---\n{yaml.safe_dump(dict(card))}---\n", "utf-8")
    for name, content in {"config.json": {"model_type": "llama"}, **(files or {})}.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, "utf-8")


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """Make a Hub of small families: a chain, a merge of two, a cycle, a folder path as base, a missing base."""
    hub = tmp_path / "hub"
    write_model(hub / "a/base", {"license": "mit"})
    write_model(hub / "a/tuned", {"base_model": "a/base", "base_model_relation": "finetune", "license": "other",
                                  "license_name": "house-rules"})  # fmt: skip
    write_model(hub / "b/other", {"base_model": "a/base"})
    recipe = "models: [{model: a/tuned}, {model: b/other}]\nmerge_method: slerp\nbase_model: a/tuned\n"
    write_model(hub / "c/merged", {"license": "mit"}, {"mergekit_config.yml": recipe})
    write_model(hub / "d/ring-one", {"base_model": "d/ring-two"})
    write_model(hub / "d/ring-two", {"base_model": "d/ring-one"})
    adapter = {"base_model_name_or_path": "/data/llama", "peft_type": "LORA"}
    write_model(hub / "e/local", {"base_model": "e/gone"}, {"adapter_config.json": adapter})
    write_model(hub / "e/broken", {"base_model": "a/base"}, {"mergekit_config.yml": "models: ["})
    return hub


@pytest.fixture
def notes() -> Notes:
    """Record the notes."""
    return Notes()


@pytest.fixture
def session(family: Path, notes: Notes, tmp_path: Path) -> Iterator[Session]:
    """Open the families' Hub with an empty store."""
    with Session(hub_selector=str(family), store_url=str(tmp_path / "lineage.db"), progress=notes) as opened:
        yield opened


def depths(answer: TraceAnswer) -> dict[str, int]:
    """List the answer's models with their depth, in order."""
    return {model.id: model.depth for model in answer.models}


def edges(answer: TraceAnswer) -> list[tuple[str, str, str | None]]:
    """List the answer's edges in order."""
    return [(edge.child, edge.parent, edge.relation) for edge in answer.derivations]


def test_a_model_that_is_not_stored_is_collected_with_a_note(session: Session, notes: Notes) -> None:
    """The first question about a model collects it with its ancestors; the second is answered from the store."""
    first = trace(session, "c/merged")
    assert any("c/merged is not in the store" in note for note in notes.notes)
    notes.notes.clear()
    assert trace(session, "c/merged") == first
    assert notes.notes == []


def test_ancestors_with_relation_evidence_licence_and_family(session: Session) -> None:
    """A merge leads to its parents and theirs, with the evidence of each edge and the facts of each ancestor."""
    answer = trace(session, "c/merged")
    assert depths(answer) == {"c/merged": 0, "a/tuned": 1, "b/other": 1, "a/base": 2}
    assert edges(answer) == [
        ("a/tuned", "a/base", "finetune"),
        ("b/other", "a/base", None),
        ("c/merged", "a/tuned", "merge"),
        ("c/merged", "b/other", "merge"),
    ]
    merged = answer.derivations[2]
    assert (merged.method, merged.status, merged.relation_declared) == ("slerp", "declared", None)
    (evidence,) = merged.evidence
    assert (evidence.rule, evidence.supports, evidence.value) == ("files.mergekit", True, "a/tuned")
    assert (evidence.pointer.model, evidence.pointer.file) == ("c/merged", "mergekit_config.yml")
    assert evidence.pointer.revision == merged.child_revision == answer.models[0].revision
    assert [(m.licence, m.family, m.state) for m in answer.models] == [
        ("mit", "llama", "present"),
        ("house-rules", "llama", "present"),
        (None, "llama", "present"),
        ("mit", "llama", "present"),
    ]
    assert answer.incomplete == ()
    assert answer.unresolvable == ()


def test_the_answer_is_valid_under_its_schema(session: Session) -> None:
    """The answer as JSON validates against the exported schema, and without its models it does not."""
    import jsonschema

    answer = json.loads(trace(session, "e/local").model_dump_json(by_alias=True))
    jsonschema.validate(answer, json_schema("trace.v1"))
    del answer["models"]
    with pytest.raises(jsonschema.ValidationError, match="'models' is a required property"):
        jsonschema.validate(answer, json_schema("trace.v1"))


def test_local_paths_and_missing_parents_are_reported(session: Session) -> None:
    """A local path is unresolvable and not a model; a base that the Hub does not have is a missing model."""
    answer = trace(session, "e/local")
    assert [(u.model, u.value, u.pointer.file) for u in answer.unresolvable] == [
        ("e/local", "/data/llama", "adapter_config.json")
    ]
    assert depths(answer) == {"e/local": 0, "e/gone": 1}
    assert answer.models[1].state == "missing"
    assert [(i.model, i.reason) for i in answer.incomplete] == [("e/gone", "missing")]
    assert answer.derivations[0].relation == "adapter"


def test_an_unreadable_recipe_leaves_the_answer_incomplete(session: Session) -> None:
    """Unknown is not no: a recipe that cannot be read may name further parents."""
    answer = trace(session, "e/broken")
    (incomplete,) = answer.incomplete
    assert (incomplete.model, incomplete.reason) == ("e/broken", "error")
    assert "mergekit_config.yml" in (incomplete.detail or "")


def test_cycles_end(session: Session) -> None:
    """Two models that name each other are two models with two edges."""
    answer = trace(session, "d/ring-one")
    assert depths(answer) == {"d/ring-one": 0, "d/ring-two": 1}
    assert len(answer.derivations) == 2


def test_descendants_are_counted_whatever_the_limit(session: Session) -> None:
    """Downwards the answer comes from the store, nearest first, with counts by relation that no limit changes."""
    trace(session, "c/merged")
    answer = trace(session, "a/base", down=True)
    assert depths(answer) == {"a/base": 0, "a/tuned": 1, "b/other": 1, "c/merged": 2}
    assert answer.counts == {"finetune": 1, "merge": 1, "none": 1}
    cut = trace(session, "a/base", down=True, max_models=1)
    assert depths(cut) == {"a/base": 0, "a/tuned": 1}
    assert cut.counts == answer.counts
    assert [(i.model, i.reason) for i in cut.incomplete] == [("a/base", "limit")]
    near = trace(session, "a/base", down=True, depth=1)
    assert [(i.model, i.reason) for i in near.incomplete] == [("a/base", "limit")]


def test_a_limit_of_depth_is_reported(session: Session) -> None:
    """A depth keeps the nearest generations and reports the models that have further ancestors."""
    answer = trace(session, "c/merged", depth=1)
    assert depths(answer) == {"c/merged": 0, "a/tuned": 1, "b/other": 1}
    assert [(i.model, i.reason) for i in answer.incomplete] == [("a/tuned", "limit"), ("b/other", "limit")]
    assert edges(trace(session, "c/merged", depth=0)) == []


def test_paths_between_two_models(session: Session) -> None:
    """All paths between two models are listed from child to ancestor, whichever is named first."""
    expected = (("c/merged", "a/tuned", "a/base"), ("c/merged", "b/other", "a/base"))
    up = trace(session, "c/merged", to="a/base")
    assert (up.direction, up.root, up.to, up.paths) == ("paths", "c/merged", "a/base", expected)
    assert depths(up) == {"c/merged": 0, "a/tuned": 1, "b/other": 1, "a/base": 2}
    assert len(up.derivations) == 4
    down = trace(session, "a/base", to="c/merged")
    assert down.paths == expected
    assert depths(down) == {"a/base": 0, "a/tuned": 1, "b/other": 1, "c/merged": 2}
    assert trace(session, "a/tuned", to="b/other").paths == ()


def test_paths_collect_the_second_model_where_the_first_does_not_lead_there(session: Session) -> None:
    """If the ancestor is named first, the descendant is collected too."""
    assert len(trace(session, "a/base", to="c/merged").paths) == 2


def test_a_local_folder_is_traced(session: Session, tmp_path: Path) -> None:
    """A folder's declared parents are looked up on the session's Hub; every question reads the folder again."""
    own = tmp_path / "mine"
    write_model(own, {"base_model": "a/tuned"})
    answer = trace(session, str(own))
    assert answer.root.startswith("dir-")
    assert [model.id for model in answer.models[1:]] == ["a/tuned", "a/base"]
    (own / "README.md").write_text("---\nbase_model: b/other\n---\n", "utf-8")
    assert [model.id for model in trace(session, str(own)).models[1:]] == ["b/other", "a/base"]


def test_a_changed_card_leaves_no_old_edge(session: Session, family: Path) -> None:
    """A model that is collected again after a change of its card has only the new edges and unresolvable names."""
    from lineage.answers.collect import collect

    trace(session, "e/local")
    (family / "e/local/README.md").write_text("---\nbase_model: a/base\n---\n", "utf-8")
    (family / "e/local/adapter_config.json").unlink()
    collect(session, ["e/local"], refresh=True)
    answer = trace(session, "e/local")
    assert edges(answer) == [("e/local", "a/base", None)]
    assert answer.unresolvable == ()


def test_an_unknown_model_is_an_answer(session: Session) -> None:
    """For a model that neither store nor Hub has, the answer has the reason, so that programs can read it."""
    answer = trace(session, "no/such")
    assert (answer.root, answer.derivations) == ("no/such", ())
    assert [(item.model, item.reason) for item in answer.incomplete] == [("no/such", "missing")]


def test_contradictory_arguments_are_rejected(session: Session) -> None:
    """Contradictory or invalid arguments are an input error."""
    with pytest.raises(InputError):
        trace(session, "a/base", down=True, to="a/tuned")
    with pytest.raises(InputError, match="depth must be 0 or more, not -1"):
        trace(session, "a/base", depth=-1)
    with pytest.raises(InputError):
        trace(session, "not a model")


def test_offline_answers_from_the_store_only(tmp_path: Path) -> None:
    """Offline, the answer for a model that is not stored names the command that collects it."""
    with Session(store_url=str(tmp_path / "lineage.db"), offline=True) as session:
        answer = trace(session, "a/base")
    assert [(item.model, item.reason) for item in answer.incomplete] == [("a/base", "offline")]
    assert "lineage collect" in (answer.incomplete[0].detail or "")


def test_trace_after_check_reads_the_ancestors(session: Session, notes: Notes) -> None:
    """A model that another command read without its ancestors is traced all the way up."""
    from lineage.answers.check import check

    check(session, ["a/tuned"])
    answer = trace(session, "a/tuned")
    assert all(model.revision for model in answer.models)
    assert not answer.incomplete


def commit_all(folder: Path) -> str:
    """Make a folder a git repository with one commit, and return the commit."""
    person = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], [*person, "commit", "-q", "-m", "weights"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return head.stdout.strip()


def test_the_stored_revision_has_several_names(session: Session, family: Path, notes: Notes) -> None:
    """The collected head is found in the store by its id, by the first digits of it, and by its branch."""
    head = commit_all(family / "a/tuned")
    trace(session, "a/tuned")
    notes.notes.clear()
    for name in (head, head[:7], "main", "refs/heads/main"):
        assert trace(session, f"a/tuned@{name}").models[0].revision == head
    assert notes.notes == []


@pytest.mark.slow
def test_a_warm_store_costs_no_heavy_import(session: Session, tmp_path: Path, family: Path) -> None:
    """An answer from the store imports neither the Hub's client nor libraries that compute or draw."""
    trace(session, "c/merged")
    session.close()
    heavy = ["huggingface_hub", "numpy", "networkx", "yaml", "rich", "blake3", "neo4j", "lineage.collect.pipeline"]
    code = (
        "import sys\n"
        "from lineage.answers.session import Session\n"
        "from lineage.answers.trace import trace\n"
        f"with Session(hub_selector={str(family)!r}, store_url={str(tmp_path / 'lineage.db')!r}) as session:\n"
        "    assert len(trace(session, 'c/merged').models) == 4\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_card_that_names_its_own_model_is_reported(tmp_path: Path) -> None:
    """A model whose card names the model itself as its base has no parent, and the answer reports the name."""
    write_model(tmp_path / "hub/me/child", {"base_model": "me/child"})
    with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
        answer = trace(session, "me/child")
    assert answer.derivations == ()
    assert [(u.model, u.value, u.reason, u.pointer.file) for u in answer.unresolvable] == [
        ("me/child", "me/child", "it is the model itself", "README.md")
    ]
