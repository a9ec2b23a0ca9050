"""The description of the store, and deleting models from it."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.collect import collect
from lineage.answers.moving import store_copy, store_export
from lineage.answers.session import Session
from lineage.answers.store import store_check, store_forget, store_info
from lineage.errors import InputError
from lineage_schemas.export import json_schema
from lineage_schemas.graph_batch import GraphBatch
from lineage_schemas.model import Model
from lineage_schemas.record import Record
from tests.support.dump import dump


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a Hub of a base, which has a second name, and of a model derived from it."""
    for name, card in (("a/base", "license: mit"), ("b/tuned", "base_model: a/base")):
        folder = tmp_path / "hub" / name
        folder.mkdir(parents=True)
        (folder / "README.md").write_text(f"---\n{card}\n---\n", "utf-8")
        (folder / "config.json").write_text("{}", "utf-8")
    (tmp_path / "hub/aliases.json").write_text(json.dumps({"base": "a/base"}), "utf-8")
    return tmp_path / "hub"


@pytest.fixture
def session(hub: Path, tmp_path: Path) -> Session:
    """Open the Hub with an empty store."""
    return Session(hub_selector=str(hub), store_url=str(tmp_path / "graph.db"))


def check_schema(answer: Record) -> None:
    """Validate an answer against its schema, as JSON."""
    shown = answer.model_dump(mode="json", by_alias=True)
    jsonschema.validate(shown, json_schema(shown["schema"]))


QUESTIONS: dict[str, Callable[[Session], object]] = {
    "info": store_info,
    "check": store_check,
    "forget": lambda session: store_forget(session, ["a/base"]),
    "export": lambda session: store_export(session, "jsonl", io.BytesIO()),
    "csv": lambda session: store_export(session, "neo4j-csv", Path("not-made")),
    "copy": lambda session: store_copy(session, session.store_url, "memory:"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_store_that_does_not_exist_is_an_error_and_is_not_made(
    session: Session, tmp_path: Path, question: str
) -> None:
    """A question about a store at a mistyped path names the path and what to do, and makes no file."""
    with session, pytest.raises(InputError, match=re.escape(str(tmp_path / "graph.db"))) as error:
        QUESTIONS[question](session)
    assert error.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hub"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_empty_file_is_not_a_store(session: Session, tmp_path: Path, question: str) -> None:
    """A file without content, or a database without tables, is not reported as a clean store."""
    path = tmp_path / "graph.db"
    path.touch()
    with session, pytest.raises(InputError, match="empty"):
        QUESTIONS[question](session)
    with sqlite3.connect(path) as connection:
        connection.execute("VACUUM")
    connection.close()
    assert path.stat().st_size > 0
    with session, pytest.raises(InputError, match="empty"):
        QUESTIONS[question](session)


def test_a_store_without_models_is_a_store(session: Session) -> None:
    """After everything was forgotten, and in memory, there is a store, and it is clean."""
    with session, Session(store_url="memory:") as other:
        collect(session, ["b/tuned"])
        store_forget(session, ["a/base", "b/tuned"])
        for each in (session, other):
            assert store_check(each).verdict == "clean"
            assert store_info(each).note is None


def test_info_counts_what_was_collected(session: Session, tmp_path: Path) -> None:
    """The description has the size, and the counts by kind."""
    with session:
        collect(session, ["b/tuned"])
        answer = store_info(session)
        check_schema(answer)
        assert answer.url == str(tmp_path / "graph.db")
        assert answer.size_bytes
        assert (answer.note, answer.size_note) == (None, None)
        assert (answer.nodes["Model"], answer.edges["DERIVED_FROM"]) == (2, 1)


def test_forget_reports_what_was_deleted_and_what_stays_as_a_name(session: Session) -> None:
    """A base that another model derives from stays as a name, and unknown models are listed."""
    with session:
        collect(session, ["b/tuned"])
        answer = store_forget(session, ["a/base", "a/base", "no/body"])
        check_schema(answer)
        assert (answer.forgotten, answer.kept_as_stub, answer.not_found) == (("a/base",), ("a/base",), ("no/body",))
        again = store_forget(session, ["b/tuned", "a/base"])
        assert (again.forgotten, again.kept_as_stub) == (("a/base", "b/tuned"), ())
        with session.store.reading() as view:
            assert list(dump(view)) == []


def test_a_model_is_forgotten_by_any_of_its_names(session: Session) -> None:
    """A second name on the Hub and the key with its Hub's prefix select the same model."""
    with session:
        collect(session, ["base"])
        assert store_forget(session, ["base"]).forgotten == ("a/base",)
        collect(session, ["b/tuned"])
        key = session.hub.key("b/tuned")
        assert ":" in key
        assert store_forget(session, [key]).forgotten == ("b/tuned",)
        assert store_forget(session, ["base"]).not_found == ("base",)


def test_a_name_that_no_hub_had_is_not_found(session: Session) -> None:
    """A name that no Hub had, which earlier versions kept, is deleted, and the model is not found."""
    with session:
        key = session.hub.key("no/such")
        kept = Model(key=key, hub=session.hub.name, id="no/such", publisher="no", state="missing")
        session.store.write(GraphBatch(models=(kept,)))
        answer = store_forget(session, ["no/such"])
        assert (answer.forgotten, answer.not_found) == ((), ("no/such",))
        with session.store.reading() as view:
            assert list(dump(view)) == []


def test_a_single_revision_cannot_be_deleted(session: Session) -> None:
    """Deleting one commit of a history is rejected, with the command that deletes the model."""
    with session, pytest.raises(InputError, match="single revision") as caught:
        store_forget(session, ["a/base@main"])
    assert caught.value.hint == "lineage store forget a/base"
