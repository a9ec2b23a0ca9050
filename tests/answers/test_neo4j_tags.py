"""Moved tags and names that were taken over are found alike in SQLite and in Neo4j."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from lineage.answers.history import history
from lineage.answers.trace import trace
from lineage.store.moving.copying import copy_store
from lineage.store.open import open_store
from tests.support.dump import dump
from tests.support.neo4j_server import PARAMS
from tests.support.readings import MODEL, Readings, by_rule, readings, weights

CLOCKS = {"collected_at"}


def lines(url: str) -> list[str]:
    """Dump a store without timestamps."""
    with open_store(url) as store, store.reading() as view:
        return list(dump(view))


def answers(model: Readings, since: str | None = None) -> list[str]:
    """Ask a store everything that tags and names decide, as JSON without timestamps."""
    asked = [model.check(since=since), model.check(offline=True)]
    asked += [history(model.session(), MODEL), trace(model.session(), MODEL)]  # type: ignore[list-item]
    return [answer.model_dump_json(exclude=CLOCKS | {"moved_tags"}) for answer in asked]


@pytest.mark.parametrize("neo4j_url", PARAMS[-1:], indirect=True)
def test_neo4j_answers_about_readings_of_moving_tags(neo4j_url: str, tmp_path: Path) -> None:
    """Each reading of a repository whose tags move, vanish and return, and that is replaced, is stored alike."""
    with ExitStack() as stack:
        made = stack.enter_context(readings("directory", tmp_path))
        other = Readings(made.repository, made.folder, neo4j_url)
        stack.callback(other.close)
        card = b"---\nversion: 1.1\n---\n"
        first = made.repository.commit({"model.safetensors": weights(1), "README.md": card})
        made.repository.git("tag", "v1.0", first)
        made.repository.git("tag", "v1.1", first)
        assert answers(other) == answers(made)
        second = made.repository.commit({"model.safetensors": weights(2)})
        made.repository.git("tag", "-f", "v1.0", second)
        made.repository.git("tag", "-d", "v1.1")
        assert answers(other, "v1.0") == answers(made, "v1.0")
        made.repository.git("tag", "v1.1", second)
        assert answers(other) == answers(made)
        assert lines(neo4j_url) == lines(made.store)
        found = by_rule(made.check())
        assert {"moved-tag", "version-reused", "silent-weight-change"} <= set(found)
        assert len(found["moved-tag"]) == 2
        made.register_anew()
        other.repository = made.repository
        made.repository.commit({"model.safetensors": weights(3)})
        assert answers(other) == answers(made)
        assert "name-reregistered" in by_rule(other.check())
        assert lines(neo4j_url) == lines(made.store)
        copied = str(tmp_path / "copied.db")
        with open_store(neo4j_url) as one, open_store(copied) as two:
            copy_store(one, two)
        assert lines(copied) == lines(made.store)
