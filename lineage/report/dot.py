"""A trace as a Graphviz graph: arrows go from parent to child."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.phrases import at, relation_words, status_words
from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer, TracedModel

EDGE_STYLES = {"confirmed": "bold", "contradicted": "dotted", "indirect": "dotted", "inferred": "dashed"}


def dot(answer: TraceAnswer) -> str:
    """Write the graph; nodes are numbered, and model ids appear in labels only."""
    named = [answer.root, *(model.id for model in answer.models)]
    named += [end for edge in answer.derivations for end in (edge.parent, edge.child)]
    number = {model: f"m{position}" for position, model in enumerate(dict.fromkeys(named))}
    known = {model.id: model for model in answer.models}
    lines = ["digraph lineage {", "  rankdir=TB;", "  node [shape=box, style=rounded];"]
    lines += [f"  {name} [{_node(model, known.get(model), answer.root)}];" for model, name in number.items()]
    for edge in answer.derivations:
        words = quoted(relation_words(edge), status_words(edge))
        style = EDGE_STYLES.get(edge.status, "solid")
        lines.append(f"  {number[edge.parent]} -> {number[edge.child]} [label={words}, style={style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _node(model_id: str, model: TracedModel | None, root: str) -> str:
    style = ", penwidth=3" if model_id == root else ""
    if model is None:
        return f"label={quoted(model_id)}{style}"
    state = None if model.state == "present" else model.state
    facts = " · ".join(fact for fact in (state, model.family, model.licence) if fact)
    dashed = ', style="rounded,dashed"' if state else ""
    return f"label={quoted(at(model_id, model.revision), *([facts] if facts else []))}{style}{dashed}"


def quoted(*lines: str) -> str:
    """Quote lines for a label: backslashes, quotes and entities are escaped, lines are joined."""
    return '"' + "\\n".join(_escaped(visible(text)) for text in lines) + '"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
