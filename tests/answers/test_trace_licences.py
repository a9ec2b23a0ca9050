"""`trace` finds a licence that is wider than an ancestor's, and nothing where terms are equal or not known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lineage.answers.licence_findings import wider_licences
from lineage.answers.session import Session
from lineage.answers.trace import trace
from lineage_cli.trace import exit_code
from lineage_schemas.answers.trace import TraceAnswer


def write_models(hub: Path, models: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a folder for each model, with its card."""
    for name, card in models.items():
        (hub / name).mkdir(parents=True)
        (hub / name / "README.md").write_text(f"---\n{yaml.safe_dump(dict(card))}---\n", "utf-8")
        (hub / name / "config.json").write_text("{}")


def traced(tmp_path: Path, target: str, **options: Any) -> TraceAnswer:
    """Collect and trace one model."""
    with Session(hub_selector=str(tmp_path / "hub"), store_url=str(tmp_path / "lineage.db")) as session:
        return trace(session, target, **options)


def pairs(answer: TraceAnswer) -> list[tuple[str, str]]:
    """List the model and the ancestor that each finding names."""
    return [(each.pointer.model, each.message.split(" of ")[1].split(":")[0]) for each in answer.findings]


def test_a_child_that_permits_more_is_marked(tmp_path: Path) -> None:
    """A permissive child of a non-commercial base is a warning that names both licences; trace exits 0."""
    write_models(
        tmp_path / "hub",
        {"a/base": {"license": "cc-by-nc-4.0"}, "a/tuned": {"license": "apache-2.0", "base_model": "a/base"}},
    )
    answer = traced(tmp_path, "a/tuned")
    (found,) = answer.findings
    assert (found.id, found.rule, found.severity) == ("licence-wider-than-ancestor", "LD001", "warning")
    assert "apache-2.0 is wider than cc-by-nc-4.0 of a/base" in found.message
    assert "commercial use no → yes" in found.message
    assert (found.pointer.model, found.pointer.field) == ("a/tuned", "license")
    assert exit_code(answer) == 0


@pytest.mark.parametrize(
    ("base", "child"),
    [
        ({"license": "apache-2.0"}, {"license": "cc-by-nc-4.0"}),
        ({"license": "apache-2.0"}, {"license": "Apache 2.0"}),
        ({"license": "other", "license_name": "house-rules"}, {"license": "mit"}),
        ({}, {"license": "mit"}),
        ({"license": "cc-by-nc-4.0"}, {}),
        ({"license": "llama3.1"}, {"license": "llama3.1"}),
    ],
)
def test_an_equal_narrower_or_unknown_licence_is_not(tmp_path: Path, base: Any, child: Any) -> None:
    """A narrower or equal licence is allowed, and one whose terms are not known is never called wider."""
    write_models(tmp_path / "hub", {"a/base": base, "a/tuned": {**child, "base_model": "a/base"}})
    assert traced(tmp_path, "a/tuned").findings == ()


def test_a_model_without_a_licence_hides_no_ancestor(tmp_path: Path) -> None:
    """The model in question is compared with every ancestor, upwards and downwards, also through a silent one."""
    write_models(
        tmp_path / "hub",
        {
            "a/base": {"license": "llama2"},
            "a/between": {"base_model": "a/base"},
            "a/tuned": {"license": "mit", "base_model": "a/between"},
        },
    )
    assert pairs(traced(tmp_path, "a/tuned")) == [("a/tuned", "a/base")]
    assert pairs(traced(tmp_path, "a/base", down=True)) == [("a/tuned", "a/base")]


LICENCES = st.sampled_from([None, "mit", "apache-2.0", "cc-by-nc-4.0", "llama2", "openrail", "other", "gpl-3.0"])


@given(
    licences=st.lists(LICENCES, min_size=4, max_size=4),
    edges=st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"))),
)
def test_any_graph_is_answered_once(licences: list[str | None], edges: set[tuple[str, str]]) -> None:
    """Cycles, edges to itself and several ways to one ancestor give each pair at most once, in a fixed order."""
    nodes = {name: {"licence": licence} for name, licence in zip("abcd", licences, strict=True)}
    found = list(wider_licences(edges, nodes, "a", str))
    named = [(each.pointer.model, each.message.split(" of ")[1].split(":")[0]) for each in found]
    assert len(set(named)) == len(named)
    assert all(child != ancestor for child, ancestor in named)
    assert list(wider_licences(edges, nodes, "a", str)) == found
