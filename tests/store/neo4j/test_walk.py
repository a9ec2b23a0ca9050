"""Walks of several statements without snapshots: a write may be committed between any two of them."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest

from lineage.query.walk import ancestors, descendants
from lineage.store.interface import Descent
from lineage.store.neo4j import walk
from lineage.store.neo4j.view import Neo4jView
from lineage.store.neo4j.walk import TRIES, descent, levels_down
from lineage.store.open import open_store
from lineage_schemas.graph_batch import GraphBatch
from tests.support.graphs import derivation

LEVELS = {
    walk._KEYS: [[1, "finetune", ["m/1", "m/2"]], [2, None, ["m/3"]]],
    walk._WAYS: [["m/3", [["m/2", "merge"], ["m/1", "adapter"]]]],
}
"""What the statements of a walk down say of one state: m/3 is made from two models of the first depth."""

DESCENT = {
    walk._COUNTS: [[1, "finetune", 2], [2, None, 1]],
    walk._SEVERAL: [[2, [["m/2", "merge"], ["m/1", "adapter"]]]],
    walk._DEPTHS: [["m/1", 1], ["m/2", 1]],
    walk._FIRST: [["m/1", 1], ["m/2", 1]],
}
"""The same counted, the first two listed."""

MOVED = [
    {walk._WAYS: []},
    {walk._WAYS: [["m/3", []]]},
    {walk._WAYS: [["m/3", [["m/9", "merge"]]]]},
    {walk._KEYS: [[2, "merge", ["m/3"]]]},
    {walk._SEVERAL: []},
    {walk._SEVERAL: [[2, [["m/9", "merge"]]]]},
    {walk._SEVERAL: [[2, []]]},
    {walk._SEVERAL: [[2, [["m/1", "merge"]]], [3, [["m/3", "merge"]]]]},
    {walk._DEPTHS: []},
    {walk._DEPTHS: [["m/1", 2], ["m/2", 3]]},
    {walk._FIRST: [["m/1", 1]]},
]
"""Results of a statement for another state of the graph, which do not agree with the others."""


class RecordedAnswers:
    """Answer statements; in the first `moved` tries of a walk some answers are of another state."""

    def __init__(self, answers: dict[str, Any], other: dict[str, Any], moved: int) -> None:
        self._answers, self._other, self._moved = answers, other, moved
        self.begun = 0

    def __call__(self, statement: str, **parameters: Any) -> list[Any]:
        """Return the prepared answer."""
        self.begun += statement in (walk._KEYS, walk._COUNTS)
        answers = {**self._answers, **(self._other if self.begun <= self._moved else {})}
        return list(answers[statement])


@pytest.mark.parametrize("other", MOVED)
def test_a_walk_whose_statements_do_not_agree_is_begun_again(other: dict[str, Any]) -> None:
    """The next try's result is returned; if no try agrees, the walk goes hop by hop."""
    (statement,) = other
    for moved in (1, TRIES):
        ask: Any = RecordedAnswers(LEVELS | DESCENT, other, moved)
        found = levels_down(ask, "m/0") if statement in LEVELS else descent(ask, "m/0", None, 2)
        if moved == TRIES:
            assert found is None
        elif statement in LEVELS:
            assert found == [{"m/1": "finetune", "m/2": "finetune"}, {"m/3": "adapter"}]
        else:
            assert found == Descent({"m/0": 0, "m/1": 1, "m/2": 1}, 3, {"finetune": 2, "adapter": 1})
        assert ask.begun == min(moved + 1, TRIES)


@pytest.mark.parametrize("writes", [1, 100])
def test_walks_beside_a_writer(neo4j_url: str, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """A walk with a write committed after each of its first statements has a consistent result."""
    first = [derivation(f"m/{n}", f"m/{n - 1}", relation="finetune") for n in range(1, 6)]
    first += [derivation(f"m/{n}", f"m/{n - 2}", relation="merge") for n in range(2, 6)]
    second = [derivation("m/2", "m/0", relation="merge"), derivation("m/5", "m/2", relation="adapter")]
    states = [GraphBatch(derivations=tuple(edges), replace_derivations_of=("m/2", "m/5")) for edges in (first, second)]
    with open_store(neo4j_url) as store, open_store(neo4j_url) as writer:
        wanted = []
        for state in states:
            store.write(state)
            with store.reading() as view:
                wanted.append(view.walk("m/0", "in"))
        rows, left, next_state = Neo4jView.rows, 0, cycle(states)

        def moving(view: Neo4jView, statement: str, **parameters: Any) -> list[list[Any]]:
            nonlocal left
            found = rows(view, statement, **parameters)
            if left and view is reader:
                left -= 1
                writer.write(next(next_state))
            return found

        monkeypatch.setattr(Neo4jView, "rows", moving)
        with store.reading() as reader:
            for _ in states:
                left = writes
                levels = reader.walk("m/0", "in")
                assert levels in wanted or writes > 1
                left = writes
                down = descendants(reader, "m/0", limit=3)
                assert down.total == sum(down.counts.values()) >= len(down.depths) - 1
                left = writes
                up = ancestors(reader, "m/5")
                assert up.depths["m/0"] in (2, 3)
