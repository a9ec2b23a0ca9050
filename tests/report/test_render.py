"""Selection of renderers, JSON against its schemas, and trees that are very deep or cyclic."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import cast

import jsonschema
import pytest

from lineage.errors import InputError
from lineage.report.json import to_json
from lineage.report.phrases import cost_words, large, listed, moment, period, short, size
from lineage.report.render import render
from lineage.report.text import Document, plain
from lineage_schemas.answers.incomplete import Incomplete
from lineage_schemas.answers.trace import TraceAnswer
from lineage_schemas.cost import Cost
from lineage_schemas.export import FOLDER
from lineage_schemas.unchecked import Unchecked
from tests.report.hostile_texts import hostile
from tests.report.records import ANSWERS
from tests.report.traces import READ, commit, edge, header, traced


@pytest.mark.parametrize("name", ANSWERS)
def test_json_validates_against_the_exported_schema(name: str) -> None:
    """Every answer as JSON is valid under the committed schema that it names, even with hostile texts in it."""
    for answer in (ANSWERS[name](), hostile(ANSWERS[name]())):
        document = json.loads(to_json(answer))
        schema = json.loads((FOLDER / f"{document['schema']}.schema.json").read_text("utf-8"))
        jsonschema.Draft202012Validator(schema).validate(document)


def test_json_is_indented_in_the_order_of_the_schema_and_ends_a_line() -> None:
    """JSON is readable and diffable: fields in the order of the record, UTF-8, a newline at the end."""
    text = to_json(ANSWERS["check-findings"]())
    assert text.endswith("}\n")
    assert text.startswith('{\n  "schema": "check.v1",\n  "tool": {')
    assert "F32→BF16" in text


def test_a_format_that_an_answer_does_not_have_is_rejected() -> None:
    """A format that is not available for an answer is an error that names it."""
    with pytest.raises(InputError, match="the format 'dot' is not available"):
        render(ANSWERS["store-info"](), "dot")


@pytest.mark.slow
def test_a_chain_deeper_than_the_stack_is_drawn() -> None:
    """A chain of more generations than Python's stack allows causes no recursion error."""
    ids = [f"org/model-{n}" for n in range(1501)]
    answer = TraceAnswer(
        **header("trace.v1"),
        root=ids[0],
        direction="up",
        models=tuple(traced(model, depth) for depth, model in enumerate(ids[:50])),
        derivations=tuple(edge(child, parent) for child, parent in pairwise(ids)),
    )
    assert (
        sum(line.count("org/model-") for line in plain(cast("Document", render(answer, "tree"))).splitlines()) == 1501
    )


def test_a_repeated_ancestor_is_drawn_once_with_its_ancestors() -> None:
    """In a diamond the shared base is expanded once; the second occurrence refers to the first."""
    edges = (
        edge("o/top", "o/a"),
        edge("o/top", "o/b"),
        edge("o/a", "o/base"),
        edge("o/b", "o/base"),
        edge("o/base", "o/root"),
    )
    models = tuple(traced(model, depth) for depth, model in enumerate(["o/top", "o/a", "o/b", "o/base", "o/root"]))
    answer = TraceAnswer(**header("trace.v1"), root="o/top", direction="up", models=models, derivations=edges)
    text = plain(cast("Document", render(answer, "tree")))
    assert text.count("o/root") == 1
    assert text.count("o/base") == 2
    assert text.count("↑ see above") == 1


def test_contradicting_evidence_comes_first() -> None:
    """Evidence against an edge comes before the evidence for it."""
    text = plain(cast("Document", render(ANSWERS["trace-up"](), "tree")))
    line = next(line for line in text.splitlines() if "contradicted ·" in line)
    assert line.index("against it: config.json") < line.index("card base_model")


def test_a_model_that_was_never_read_claims_nothing() -> None:
    """A model that is known by name only is marked as not read, instead of with an unknown family or licence."""
    unread = {"revision": None, "licence": None, "family": None}
    models = (traced("o/top", 0), traced("o/listed", 1, **unread), traced("o/gone", 1, state="missing", **unread))
    edges = (edge("o/top", "o/listed"), edge("o/top", "o/gone"))
    limit = (Incomplete(model="o/listed", reason="limit", detail="known by name only"),)
    answer = TraceAnswer(
        **header("trace.v1"), root="o/top", direction="up", models=models, derivations=edges, incomplete=limit
    )
    text = plain(cast("Document", render(answer, "tree")))
    assert "o/listed  [not read]" in text
    assert "o/gone  [missing]" in text
    assert "family unknown" not in text


def test_reasons_are_short_in_text_and_complete_in_json() -> None:
    """Commit ids and hashes inside a reason are shortened, and so is a long reason; JSON has all of it."""
    reason = f"org/name@{commit(1)}: the object {'ab' * 32} is not here" + ", and more" * 30
    answer = ANSWERS["check-unchecked"]().model_copy(update={"unchecked": (Unchecked(what="values", reason=reason),)})
    text = plain(cast("Document", render(answer, "table")))
    assert "org/name@00000001: the object abababab is not here, and more" in text
    assert max(map(len, text.splitlines())) < 190
    assert reason in to_json(answer)


def test_words_for_numbers_and_moments() -> None:
    """Sizes, counts, dates and commits are written in a readable form."""
    assert [size(n) for n in (None, 999, 1000, 2_000_000_000, 10**15)] == [
        "? B",
        "999 B",
        "1.0 kB",
        "2.0 GB",
        "1000.0 TB",
    ]
    assert [large(n) for n in (12, 1_500, 7 * 10**9)] == ["12", "1.50 k", "7.00 B"]
    assert listed(["a", "b", "c"], 2) == "a, b, … 1 more"
    assert short(commit(1)) == "00000001"
    assert short("folder:" + "ab" * 32) == "folder:abababab"
    assert short("main") == "main"
    assert short(None) == "?"
    assert moment(READ.replace(tzinfo=None)) == "2026-11-20 09:30"
    assert period(READ, READ.replace(day=21)) == "2026-11-20 09:30 – 2026-11-21 09:30"


def test_an_unreadable_card_is_not_reported_as_no_parent() -> None:
    """For a root without edges whose files could not be read, no parent is known; it may still declare one."""
    root = traced("origin/base-7b", 0)
    unread = Incomplete(model=root.id, reason="error", detail="README.md: nested too deeply")
    answer = TraceAnswer(
        **header("trace.v1"), root=root.id, direction="up", models=(root,), derivations=(), incomplete=(unread,)
    )
    text = plain(cast(Document, render(answer, "tree")))
    assert "No parent is known, but a file that may name one could not be read." in text
    assert "No parent is declared" not in text


def test_the_cost_of_a_sample_is_written() -> None:
    """Ranges of a sample, requests and failed tries are counted apart; what did not happen is not mentioned."""
    cost = Cost(requests=3, bytes_read=1_200_000, local=False)
    assert cost_words(cost) == "1.2 MB read in 3 requests"
    assert cost_words(cost.model_copy(update={"ranges": 50})) == "1.2 MB read in 3 requests and 50 ranges"
    assert cost_words(cost.model_copy(update={"ranges": 1, "failed": 2})).endswith("and 1 range, 2 more failed")
