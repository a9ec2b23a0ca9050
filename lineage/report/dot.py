"""A trace as a Graphviz graph: arrows go from parent to child."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.deciding import deciding_words, hidden_words, legend
from lineage.report.phrases import at, relation_words, status_words
from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer, TracedModel

EDGE_STYLES = {
    "confirmed": "style=bold",
    "inferred": 'style=dashed, color="#1a7f37"',
    "declared": "style=solid",
    "indirect": 'style=dotted, color="#9a6700", arrowhead=odot',
    "contradicted": 'style=dashed, color="#cf222e", fontcolor="#cf222e", arrowhead=tee',
}
"""Lines and arrowheads tell the statuses apart without the colours."""


def dot(answer: TraceAnswer) -> str:
    """Write the graph; nodes are numbered, and model ids appear in labels only."""
    named = [answer.root, *(model.id for model in answer.models)]
    named += [end for edge in answer.derivations for end in (edge.parent, edge.child)]
    number = {model: f"m{position}" for position, model in enumerate(dict.fromkeys(named))}
    known = {model.id: model for model in answer.models}
    lines = ["digraph lineage {", "  rankdir=TB;", "  node [shape=box, style=rounded];"]
    lines += [f"  {name} [{_node(model, known.get(model), answer.root)}];" for model, name in number.items()]
    for edge in answer.derivations:
        words = quoted(*filter(None, (relation_words(edge), status_words(edge), deciding_words(edge))))
        lines.append(f"  {number[edge.parent]} -> {number[edge.child]} [label={words}, {EDGE_STYLES[edge.status]}];")
    notes = [*legend(answer.derivations), *filter(None, [hidden_words(answer.hidden)])]
    lines += [f"  legend [shape=plaintext, label={quoted(*notes)}];"] if notes else []
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
