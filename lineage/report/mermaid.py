"""A trace as a Mermaid flowchart: ancestors above, descendants below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.deciding import deciding_words, hidden_words, legend
from lineage.report.phrases import at, relation_words, status_words
from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer, TracedModel

CLASSES = (
    "classDef root stroke-width:3px",
    "classDef absent stroke-dasharray:4 4",
    "classDef note fill:none,stroke:none,text-align:left",
)

ARROWS = {"confirmed": "==>", "inferred": "-.->", "declared": "-->", "indirect": "-.-o", "contradicted": "-.-x"}

LINK_STYLES = {
    "inferred": "stroke:#1a7f37", "indirect": "stroke:#9a6700", "contradicted": "stroke:#cf222e,color:#cf222e",
}  # fmt: skip
"""Colours beside the form of the arrow, which alone tells the statuses apart."""


def mermaid(answer: TraceAnswer) -> str:
    """Write the graph; nodes are numbered, so that no id can be parsed as a keyword or as markup."""
    models = _with_named(answer)
    number = {model: f"m{position}" for position, model in enumerate(models)}
    known = {model.id: model for model in answer.models}
    lines = ["flowchart TD", *(f"    {number[each]}[{label(*_facts(each, known.get(each)))}]" for each in models)]
    for edge in answer.derivations:
        words = label(*filter(None, (relation_words(edge), status_words(edge), deciding_words(edge))))
        lines.append(f"    {number[edge.parent]} {ARROWS.get(edge.status, '-->')}|{words}| {number[edge.child]}")
    for status, style in LINK_STYLES.items():
        links = [str(place) for place, edge in enumerate(answer.derivations) if edge.status == status]
        lines += [f"    linkStyle {','.join(links)} {style}"] if links else []
    notes = [*legend(answer.derivations), *filter(None, [hidden_words(answer.hidden)])]
    lines += [f"    legend[{label(*notes)}]", "    class legend note"] if notes else []
    lines += [f"    {each}" for each in CLASSES]
    lines.append(f"    class {number[answer.root]} root")
    absent = [number[model.id] for model in answer.models if model.state != "present"]
    if absent:
        lines.append(f"    class {','.join(absent)} absent")
    return "\n".join(lines) + "\n"


def _with_named(answer: TraceAnswer) -> list[str]:
    """List every model that needs a node: the root, the models of the answer, and the ends of all edges."""
    named = [answer.root, *(model.id for model in answer.models)]
    named += [end for edge in answer.derivations for end in (edge.parent, edge.child)]
    return list(dict.fromkeys(named))


def _facts(model_id: str, model: TracedModel | None) -> list[str]:
    if model is None:
        return [model_id]
    state = None if model.state == "present" else model.state
    facts = " · ".join(fact for fact in (state, model.family, model.licence) if fact)
    return [at(model_id, model.revision), facts] if facts else [at(model_id, model.revision)]


def label(*lines: str) -> str:
    """Quote lines of text: every character that Mermaid or HTML could interpret becomes a Mermaid entity code."""
    return '"' + "<br/>".join(_entities(visible(text)) for text in lines) + '"'


def _entities(text: str) -> str:
    safe = " ./_-·,()"
    return "".join(each if each.isalnum() or each in safe else f"#{ord(each)};" for each in text)
