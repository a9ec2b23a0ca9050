"""The tree of a trace: where a model comes from, which models are built on it, or the paths between two models."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lineage.report.deciding import (
    deciding_words,
    hidden_words,
    legend,
    related_words,
    unmeasured_words,
    unrelated_words,
)
from lineage.report.findings import finding_lines, settings_lines
from lineage.report.phrases import (
    REASONS,
    at,
    counted,
    dated,
    evidence_list,
    location,
    relation_words,
    status_words,
    were_read,
)
from lineage.report.text import EMPTY, Document, Line, Span, Style, cut, dim, line, strong

if TYPE_CHECKING:
    from lineage_schemas.answers.trace import TraceAnswer, TracedDerivation, TracedModel

STATUS_STYLES: dict[str, Style] = {
    "confirmed": "good", "inferred": "strong", "indirect": "warn", "contradicted": "bad",
}  # fmt: skip

SHOWN = 10
"""Relatives that are listed; JSON has all of them."""

DOUBTED = ("indirect", "contradicted")
"""Statuses whose branches are dashed: the edge is not a step of descent."""


@dataclass(frozen=True)
class _TreeNode:
    """One node to write: its guides, and the edge by which the walk reached it."""

    model: str
    edge: TracedDerivation | None
    guide: str
    last: bool
    up: _TreeNode | None = None

    def is_cycle(self) -> bool:
        """Return whether this model already occurs between this node and the root."""
        here = self.up
        while here is not None and here.model != self.model:
            here = here.up
        return here is not None


@dataclass
class _Walk:
    """The state of the walk over the tree, and the lines written so far."""

    answer: TraceAnswer
    steps: dict[str, list[TracedDerivation]] = field(default_factory=lambda: defaultdict(list))
    seen: set[str] = field(default_factory=set)
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.models = {model.id: model for model in self.answer.models}
        self.incomplete = {each.model: each for each in self.answer.incomplete}
        self.down = self.answer.direction == "down"


def trace(answer: TraceAnswer) -> Document:
    """Write a trace: the tree, then what it leaves out, then the meaning of the statuses."""
    walk = _Walk(answer)
    if answer.direction == "paths":
        _write_paths(walk)
    else:
        for edge in answer.derivations:
            walk.steps[edge.parent if walk.down else edge.child].append(edge)
        walk.lines += _counts(answer)
        _write_tree(walk, answer.root)
        if not answer.derivations:
            walk.lines.append(line(dim(_nothing(answer)), indent="  "))
    return [*walk.lines, *_unresolvable(answer), *_related(answer), *_findings(answer), *_unmeasured(answer),
            *_left_out(walk), *_end(answer)]  # fmt: skip


def _write_tree(walk: _Walk, root: str) -> None:
    """Write nodes depth first, without recursion: a chain may be longer than Python's stack."""
    stack = [_TreeNode(root, None, "", True)]
    while stack:
        here = stack.pop()
        first_time = here.model not in walk.seen
        edges = walk.steps.get(here.model, ()) if first_time else ()
        walk.seen.add(here.model)
        _write_node(walk, here, bool(edges), repeated=not first_time)
        guide = here.guide if here.edge is None else here.guide + ("    " if here.last else "│   ")
        for position, edge in reversed(list(enumerate(edges))):
            target = edge.child if walk.down else edge.parent
            stack.append(_TreeNode(target, edge, guide, position == len(edges) - 1, here))


def _write_node(walk: _Walk, here: _TreeNode, has_more: bool, *, repeated: bool) -> None:
    """Write one model and, under it, the edge that led to it."""
    root = here.edge is None
    dash = "╌" if here.edge is not None and here.edge.status in DOUBTED else "─"
    turn = "" if root else f"{'└' if here.last else '├'}{dash}{dash} "
    below = here.guide + ("" if root else "    " if here.last else "│   ")
    under = below + ("│   " if has_more else "    ")
    name = strong(_name(walk, here))
    pieces: list[str | Span] = [name]
    if repeated and here.is_cycle():
        pieces.append(Span("  ↻ cycle: leads back to itself", "warn"))
    elif repeated and walk.steps.get(here.model):
        pieces.append(dim("  ↑ see above"))
    else:
        pieces.append(dim(_facts(walk, here.model)))
        pieces += _marks(walk, here.model)
    walk.lines.append(line(*pieces, indent=here.guide + turn, hang=under))
    if here.edge is not None:
        walk.lines.append(_edge_line(here.edge, under))


def _name(walk: _Walk, here: _TreeNode) -> str:
    """Write a model with the revision that the edge names; for the root, the revision that was read."""
    if here.edge is None:
        model = walk.models.get(here.model)
        return at(here.model, model.revision if model else None)
    return at(here.model, here.edge.child_revision if walk.down else here.edge.parent_revision)


def _facts(walk: _Walk, model_id: str) -> str:
    """Write family and licence; for a model that could not be read, only those that are known."""
    model = walk.models.get(model_id)
    if model is None:
        return ""
    facts = [model.family, model.licence]
    if model.state == "present" and model.revision is not None:
        stop = walk.incomplete.get(model_id)
        none = "licence unknown" if stop and stop.reason == "partial" else "no licence declared"
        facts = [_family(model), model.licence or none, *_variants(walk, model)]
    return "".join(f" · {cut(fact, 40)}" for fact in facts if fact)


def _family(model: TracedModel) -> str:
    """Name the family; one that config.json does not give, with where it is stated."""
    if model.family or not model.base_family:
        return model.family or "family unknown"
    return f"{model.base_family.value} by its {model.base_family.statements[0].where}"


def _variants(walk: _Walk, model: TracedModel) -> list[str]:
    """Name the variants of a model without a known parent: the line of an edge says how a child was made."""
    if any(edge.child == model.id for edge in walk.answer.derivations):
        return []
    return [
        f"{each.type} by its {', '.join(dict.fromkeys(statement.where for statement in each.statements))}"
        for each in model.variants
    ]


def _marks(walk: _Walk, model_id: str) -> list[Span]:
    """Mark models that were not read, could not be read, or were not followed.

    A model without a revision was not read.
    """
    model, stop = walk.models.get(model_id), walk.incomplete.get(model_id)
    marks: list[str] = [stop.reason] if stop else []
    if model and model.state != "present" and model.state not in marks:
        marks.insert(0, "not read" if model.state == "unknown" else model.state)
    elif model and model.revision is None and marks in ([], ["limit"]):
        marks = ["not read"]
    texts = {"limit": "not followed further", "error": "could not be read", "partial": "not read whole"}
    texts |= {mark: REASONS[mark] for mark in ("offline", "unreachable", "rate_limited")}
    return [Span(f"  [{', '.join(texts.get(mark, mark) for mark in marks)}]", "warn")] if marks else []


def _edge_line(edge: TracedDerivation, guide: str) -> Line:
    """Write how the child derives from the parent, with the evidence."""
    number = deciding_words(edge)
    return line(
        f"{relation_words(edge)} · ",
        Span(status_words(edge), STATUS_STYLES.get(edge.status, "")),
        f" · {number}" if number else "",
        dim(f" · {evidence_list(edge)}"),
        indent=guide,
        hang=guide + "  ",
    )


def _write_paths(walk: _Walk) -> None:
    """Write every path between the two models as a chain, from child to ancestor."""
    answer = walk.answer
    edges = {(edge.child, edge.parent): edge for edge in answer.derivations}
    if not answer.paths:
        text = f"No known path between {answer.root} and {answer.to}: neither is known to descend from the other."
        walk.lines.append(line(text))
        for named in answer.derivations:
            walk.lines.append(line(f"{named.child} names {named.parent} as its parent:", indent="  "))
            walk.lines.append(_edge_line(named, "    "))
    else:
        child, ancestor = answer.paths[0][0], answer.paths[0][-1]
        number = counted(len(answer.paths), "path")
        walk.lines.append(line(strong(child), " descends from ", strong(ancestor), f" along {number}."))
    for path in answer.paths:
        walk.lines.append(EMPTY)
        for depth, model in enumerate(path):
            edge = edges.get((path[depth - 1], model)) if depth else None
            here = _TreeNode(model, edge, "    " * max(depth - 1, 0), True)
            _write_node(walk, here, depth < len(path) - 1, repeated=False)


def _counts(answer: TraceAnswer) -> list[Line]:
    """Count all known descendants by relation, including those beyond a limit."""
    if answer.direction != "down":
        return []
    total = sum(answer.counts.values())
    named = [f"{number:,} {relation}" for relation, number in answer.counts.items() if relation != "none" and number]
    if answer.counts.get("none"):
        named.append(f"{answer.counts['none']:,} without a relation (copies, casts, unknown)")
    lines = [line(strong(answer.root), f" · {counted(total, 'descendant')} known")]
    return [*lines, *([line(", ".join(named), indent="  ")] if named else []), EMPTY]


def _nothing(answer: TraceAnswer) -> str:
    """Explain an empty tree: no relative is known, which does not mean that there is none."""
    if answer.hidden and answer.hidden.edges:
        return "No edge of this status or a stronger one is known."
    if answer.direction == "down":
        return "No descendant is known. `lineage collect --children` asks the Hub for them."
    if any(each.value for each in answer.unresolvable):
        return "No parent is known: the files name a parent, but it is not a repository."
    if answer.unresolvable:
        return f"No parent is known: {answer.unresolvable[0].reason}."
    if any(each.model == answer.root for each in answer.incomplete):
        return "No parent is known, but a file that may name one could not be read."
    return "No parent is declared: the model was trained from scratch, or its publisher did not name one."


def _section(title: str, lines: list[Line]) -> list[Line]:
    return [EMPTY, line(strong(title)), *lines] if lines else []


def _unresolvable(answer: TraceAnswer) -> list[Line]:
    lines = [
        line(
            f"{each.model}: {location(each.pointer, model=each.model)} names “{cut(each.value, 60)}” · {each.reason}",
            indent="  ",
        )
        for each in answer.unresolvable
        if each.value
    ]
    unnamed = [
        line(f"{each.model}: {each.reason} · {location(each.pointer, model=each.model)}", indent="  ")
        for each in answer.unresolvable
        if not each.value
    ]
    return [
        *_section("Named as parent, but not a repository:", lines),
        *_section("Parents that are not named:", unnamed),
    ]


def _related(answer: TraceAnswer) -> list[Line]:
    lines = [line(f"{each.a} – {each.b} · {related_words(each)}", indent="  ") for each in answer.related[:SHOWN]]
    if len(answer.related) > SHOWN:
        lines.append(line(dim(f"… {len(answer.related) - SHOWN:,} more (--format json lists all)"), indent="  "))
    foreign = [
        line(f"{each.child} – {each.parent} · {each.status} · {unrelated_words(each.decided_by)}", indent="  ")
        for each in answer.unrelated or ()
    ]
    if answer.unrelated == ():
        foreign = [line(dim("none of the declared parents above"), indent="  ")]
    return [
        *_section("Share weights, and neither is known to descend from the other:", lines),
        *_section("Compared and foreign:", foreign),
    ]


def _unmeasured(answer: TraceAnswer) -> list[Line]:
    lines = [
        line(unmeasured_words(each), dim(f" · `{each.command}`"), indent="  ") for each in answer.unmeasured[:SHOWN]
    ]
    if len(answer.unmeasured) > SHOWN:
        lines.append(line(dim(f"… {len(answer.unmeasured) - SHOWN:,} more (--format json lists them)"), indent="  "))
    return _section("Not measured:", lines)


def _findings(answer: TraceAnswer) -> list[Line]:
    return _section("Findings:", finding_lines(answer.findings))


def _left_out(walk: _Walk) -> list[Line]:
    lines = [
        line(f"{each.model} · {REASONS[each.reason]}", dim(f" · {each.detail}" if each.detail else ""), indent="  ")
        for each in walk.answer.incomplete
    ]
    return _section("Incomplete:", lines)


def _end(answer: TraceAnswer) -> list[Line]:
    """Write what a wanted status hides, the meaning of the statuses that occur, and the date."""
    hidden = hidden_words(answer.hidden)
    meanings = [*([line(hidden)] if hidden else []), *(line(dim(text)) for text in legend(answer.derivations))]
    return [EMPTY, *meanings, *settings_lines(answer.settings), line(dim(dated(answer, *were_read(answer))))]
