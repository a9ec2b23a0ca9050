"""Parents that a project file declares: evidence of the rule `project.declared`, judged like a card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from itertools import permutations
from pathlib import Path

import jsonschema
import pytest
import yaml

from lineage.answers.check import check
from lineage.answers.collect import collect
from lineage.answers.project import read_project
from lineage.answers.rederiving import store_rederive
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage.settings.environment import Settings
from lineage_schemas.answers.trace import TraceAnswer
from lineage_schemas.export import json_schema
from tests.support.dump import dump
from tests.support.notes import Notes
from tests.support.weight_files import safetensors_bytes

pytestmark = pytest.mark.slow

PARENT = "[[parents]]\nchild = 'me/mine'\nparent = 'a/base'\nrelation = 'finetune'\nreason = 'trained in March'\n"

Opened = Callable[..., Session]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in the folder of the test: messages name the project file as it is from the current folder."""
    monkeypatch.chdir(tmp_path)


def write_model(folder: Path, card: Mapping[str, object]) -> None:
    """Write a model with a card, a config, and weights of its own."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump(dict(card))}---\n", "utf-8")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}), "utf-8")
    weights = {"w": ("F32", (1,), hashlib.sha256(folder.name.encode()).digest()[:4])}
    (folder / "model.safetensors").write_bytes(safetensors_bytes(weights))


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a Hub with a model of ours whose card names no parent, and one that is built on it."""
    folder = tmp_path / "hub"
    write_model(folder / "a/root", {"license": "mit"})
    write_model(folder / "a/base", {"license": "cc-by-nc-4.0", "base_model": "a/root"})
    write_model(folder / "me/mine", {"license": "mit"})
    write_model(folder / "you/later", {"license": "mit", "base_model": "me/mine"})
    return folder


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def opened(tmp_path: Path, hub: Path, notes: Notes) -> Iterator[Opened]:
    """Open sessions on one store, each with the project file of the moment; None is no project file."""
    sessions: list[Session] = []

    def open_session(text: str | None, store: str = "lineage.db", **how: object) -> Session:
        project = None
        if text is not None:
            (tmp_path / "lineage.toml").write_text(text)
            project = read_project(start=tmp_path, today=date(2026, 6, 1))
        url = str(tmp_path / store)
        while sessions:  # its log would grow, and each new session reads it whole to check it
            sessions.pop().close()
        sessions.append(Session(hub_selector=str(hub), store_url=url, progress=notes, project=project, **how))  # type: ignore[arg-type]
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


def edges(answer: TraceAnswer) -> list[tuple[str, str]]:
    """List the edges of an answer, which is valid under its schema."""
    jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("trace.v1"))
    return [(edge.child, edge.parent) for edge in answer.derivations]


def test_a_declared_parent_is_an_edge_with_its_evidence(opened: Opened) -> None:
    """The edge has the declared relation, and evidence that points to the project file, with the parent as written."""
    answer = trace(opened(PARENT), "me/mine")
    assert edges(answer) == [("a/base", "a/root"), ("me/mine", "a/base")]
    edge = answer.derivations[1]
    assert (edge.relation, edge.relation_declared, edge.status) == ("finetune", "finetune", "declared")
    (evidence,) = edge.evidence
    assert (evidence.rule, evidence.supports, evidence.value) == ("project.declared", True, "a/base")
    assert (evidence.pointer.file, evidence.pointer.field, evidence.pointer.revision) == (
        "lineage.toml",
        "parents",
        None,
    )
    assert answer.settings is not None
    assert [(each.child, each.parent, each.reason) for each in answer.settings.parents] == [
        ("me/mine", "a/base", "trained in March")
    ]
    assert [each.id for each in answer.findings] == ["licence-wider-than-ancestor"]


def test_without_the_project_file_there_is_no_edge(opened: Opened) -> None:
    """The same model without a project file has no parent."""
    assert edges(trace(opened(None), "me/mine")) == []


def test_a_stored_model_is_read_again_when_its_entries_change(opened: Opened, notes: Notes) -> None:
    """An entry that is added, changed or removed is taken over by the next trace, of a descendant too."""
    assert edges(trace(opened(""), "you/later")) == [("you/later", "me/mine")]
    found = trace(opened(PARENT), "you/later")
    assert ("me/mine", "a/base") in edges(found)
    assert any("have other parents in the project file" in note for note in notes.notes)
    notes.notes.clear()
    assert trace(opened(PARENT), "you/later").derivations == found.derivations
    assert notes.notes == []
    changed = trace(opened(PARENT.replace("finetune", "merge")), "me/mine")
    assert [edge.relation for edge in changed.derivations if edge.child == "me/mine"] == ["merge"]
    other = trace(opened(PARENT.replace("a/base", "a/root")), "me/mine")
    assert edges(other) == [("me/mine", "a/root")]
    assert edges(trace(opened(""), "me/mine")) == []


def test_no_project_file_leaves_what_is_stored(opened: Opened) -> None:
    """A run without a project file answers from the store, and shows where the edge comes from."""
    trace(opened(PARENT), "me/mine")
    answer = trace(opened(None), "me/mine")
    assert ("me/mine", "a/base") in edges(answer)
    assert answer.settings is None


def test_every_command_that_reads_a_model_keeps_the_edge(opened: Opened) -> None:
    """`collect` and `check` read the project file as well, so that reading a model again loses nothing."""
    collect(opened(PARENT), ["me/mine"])
    with opened(PARENT) as session:
        check(session, ["me/mine"])
        collected = collect(session, ["me/mine"], refresh=True)
        assert next(model.parents for model in collected.models if model.id == "me/mine") == ("a/base",)
        assert collected.settings is not None
        assert [each.parent for each in collected.settings.parents] == ["a/base"]
        assert ("me/mine", "a/base") in edges(trace(session, "me/mine"))


def test_the_order_of_collection_changes_nothing(opened: Opened) -> None:
    """In any order of reading, with the file from the start or only later, the store is the same."""
    models = ["a/base", "me/mine", "you/later"]
    dumps = set()
    for number, order in enumerate(permutations(models)):
        session = opened(PARENT, f"{number}.db")
        for model in order:
            collect(session, [model])
        with session.store.reading() as view:
            dumps.add(tuple(dump(view)))
    late = opened(None, "late.db")
    collect(late, models)
    session = opened(PARENT, "late.db")
    collect(session, models)
    with session.store.reading() as view:
        dumps.add(tuple(dump(view)))
    assert len(dumps) == 1


def test_the_edges_follow_from_what_is_stored(opened: Opened) -> None:
    """Working all edges out again keeps the declared parent, and brings none back that the file no longer declares."""
    with opened(PARENT) as session:
        trace(session, "me/mine")
        assert store_rederive(session).changed == ()
    with opened("") as session:
        assert edges(trace(session, "me/mine")) == []
        assert store_rederive(session).changed == ()
        assert edges(trace(session, "me/mine")) == []


def test_the_order_of_entries_changes_no_id(opened: Opened) -> None:
    """Evidence has one id wherever its entry is in the file, whatever the reason says, and in whichever folder."""
    second = PARENT.replace("a/base", "a/root")
    one = trace(opened(PARENT + second, "one.db"), "me/mine")
    two = trace(opened("# a comment\n" + second.replace("March", "May") + PARENT, "two.db"), "me/mine")
    assert one.derivations == two.derivations
    assert len({each.id for edge in one.derivations for each in edge.evidence}) == 3


def test_a_card_and_the_project_file_name_one_parent(opened: Opened, hub: Path) -> None:
    """What both declare is one edge with both findings; the card's relation takes precedence."""
    write_model(hub / "me/other", {"base_model": "a/base", "base_model_relation": "merge"})
    answer = trace(opened(PARENT.replace("me/mine", "me/other")), "me/other")
    edge = next(edge for edge in answer.derivations if edge.child == "me/other")
    assert {each.rule for each in edge.evidence} == {"card.base_model", "card.base_model_relation", "project.declared"}
    assert edge.relation == "merge"


def test_a_form_belongs_to_the_declared_parent(opened: Opened, hub: Path) -> None:
    """An adapter whose base only the project file names has that base, and is not reported as one without."""
    (hub / "me/mine/adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "base_model_name_or_path": "/data/base"})
    )
    answer = trace(opened(PARENT.replace("relation = 'finetune'\n", "")), "me/mine")
    edge = next(edge for edge in answer.derivations if edge.child == "me/mine")
    assert (edge.parent, edge.relation, edge.method) == ("a/base", "adapter", "lora")
    assert not any(each.reason.startswith("an adapter") for each in answer.unresolvable)


def test_a_commit_of_the_parent_is_kept(opened: Opened) -> None:
    """A parent with a commit gives the edge its parent revision."""
    commit = "c0ffee" + "0" * 34
    answer = trace(opened(PARENT.replace("a/base", f"a/base@{commit}")), "me/mine")
    assert next(edge.parent_revision for edge in answer.derivations if edge.child == "me/mine") == commit


def test_a_name_that_is_not_a_model_is_listed(opened: Opened) -> None:
    """A bare name that no Hub knows makes no edge, is listed as unresolvable, and is not looked up every time."""
    text = PARENT.replace("a/base", "no-such-thing")
    answer = trace(opened(text), "me/mine")
    assert edges(answer) == []
    assert [(each.value, each.pointer.file) for each in answer.unresolvable] == [("no-such-thing", "lineage.toml")]
    with opened(text) as session:
        assert [model.outcome for model in collect(session, ["me/mine"], samples=False).models] == ["unchanged"]


def test_another_models_entry_changes_nothing(opened: Opened) -> None:
    """Models that the file does not name are not read again."""
    collect(opened(""), ["me/mine", "a/base"])
    with opened(PARENT.replace("me/mine", "me/else")) as session:
        assert {model.outcome for model in collect(session, ["me/mine", "a/base"]).models} == {"unchanged"}


def test_a_child_may_be_named_in_other_letters(opened: Opened) -> None:
    """Ids that differ only in case are one model."""
    assert ("me/mine", "a/base") in edges(trace(opened(PARENT.replace("me/mine", "Me/Mine")), "me/mine"))


def test_findings_of_a_trace_are_ignored_and_moved(opened: Opened) -> None:
    """[rules] and [[ignore]] are honoured in a trace too."""
    text = PARENT + "[rules]\nLD001 = 'error'\n[[ignore]]\nrule = 'LD001'\nmodel = 'me/*'\nreason = 'we asked'\n"
    answer = trace(opened(text), "me/mine")
    (found,) = answer.findings
    assert (found.severity, found.moved_from) == ("error", "warning")
    assert found.ignored is not None
    assert answer.settings is not None
    assert [each.reason for each in answer.settings.ignored] == ["we asked"]


def test_offline_a_new_entry_is_incomplete(tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the model cannot be read again, the trace says which entries it lacks, and what takes them over."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = Settings.from_environment()
    from lineage.store.open import open_store
    from lineage_schemas.graph_batch import GraphBatch
    from lineage_schemas.model import Model

    path = str(tmp_path / "remote.db")
    model = Model(key="me/mine", hub="huggingface.co", id="me/mine", state="present", publisher="me", head="1" * 40)
    with open_store(path) as store:
        store.write(GraphBatch(models=(model,)))
    (tmp_path / "lineage.toml").write_text(PARENT)
    project = read_project(start=tmp_path)
    with Session(store_url=path, offline=True, settings=settings, project=project) as session:
        answer = trace(session, "me/mine")
    assert [(each.model, each.reason, each.decides) for each in answer.incomplete] == [("me/mine", "offline", True)]
    assert answer.incomplete[0].detail == (
        "lineage.toml declares other parents of it; `lineage collect me/mine` takes them over"
    )
