"""How a product names its models: with or without a commit, under a present name, and whether they exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage.audit.policy.code import may_have_code
from lineage.audit.policy.facts import MOVING, ModelFacts, Problem, places_of
from lineage_schemas.pointer import Pointer
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from lineage.audit.policy.facts import Asked
    from lineage_schemas.reference import Reference


def about_references(model: ModelFacts) -> Iterator[Problem]:
    """Find what is wrong with the revisions and the names by which a product asks for a model.

    Of a model of which nothing is known nothing is found: that it is missing or unchecked is reported instead, because
    there is no commit to pin.
    """
    if model.commit is None and model.state in ("unknown", "missing"):
        return
    for asked in model.asked:
        if asked.kind == "none":
            yield _unpinned(model, asked)
        elif asked.kind == "commit" and (asked.vanished or (asked.commit is None and asked.unread is None)):
            if model.state == "present":
                yield _vanished(model, asked)
        elif asked.kind in MOVING:
            yield _moving(model, asked)
    for name in model.named:
        if "/" in name:
            message = f"the product names {name}, which is {model.id} now"
            yield Problem("model-renamed", message, model.pointer())
    trusting = tuple(each for asked in model.asked for each in asked.references if each.trust_remote_code)
    if trusting and (may_have_code(model) or not all(each.pinned for each in trusting)):
        yield _trusting(model, trusting)


def _unpinned(model: ModelFacts, asked: Asked) -> Problem:
    now = f"; its default branch is at {asked.commit} now" if asked.commit else ""
    if (asked.commit or "").startswith("folder:"):
        now = "; it is a plain folder, which has no commits to pin"
    silent = f", {model.silent} of them without a version or a note" if model.silent else ""
    times = f", and its weights changed {_times(model.changes)} after the first upload{silent}" if model.changes else ""
    message = f"{model.id} is loaded without a revision{now}{times}"
    return Problem("unpinned-model", message, _at(model, asked), places=places_of(asked.references))


def _moving(model: ModelFacts, asked: Asked) -> Problem:
    now = f"; it is at {asked.commit} now" if asked.commit else ""
    message = f"{model.id} is pinned to {MOVING[asked.kind].format(asked.revision)}{now}"
    item = None
    if asked.kind == "unknown" and model.state == "present":
        what = f"{model.id}@{asked.revision}"
        item = Unchecked(what=what, reason="the revision is not known", decide_with=f"lineage collect {what}")
    places = places_of(asked.references)
    at = _at(model, asked)
    return Problem("moving-revision", message, at, places=places, unchecked=item, stays_unchecked=True)


def _vanished(model: ModelFacts, asked: Asked) -> Problem:
    before = "which was recorded earlier, is not in its history any more" if asked.vanished else "is not in its history"
    message = f"the commit {asked.revision} of {model.id}{',' if asked.vanished else ''} {before}"
    what = f"{model.id}@{asked.revision}"
    return Problem(
        "pinned-commit-vanished", message, Pointer(model=model.id, revision=asked.revision),
        places=places_of(asked.references),
        unchecked=None if asked.commit else Unchecked(what=what, reason="the commit could not be read"),
    )  # fmt: skip


def _trusting(model: ModelFacts, trusting: tuple[Reference, ...]) -> Problem:
    unpinned = any(not each.pinned for each in trusting)
    more = ", from whatever commit is there at the start" if unpinned else ""
    message = f"code of the repository {model.id} may run in the product{more}"
    return Problem("remote-code-trusted", message, model.pointer(), places=places_of(trusting))


def _at(model: ModelFacts, asked: Asked) -> Pointer:
    return Pointer(model=model.id, revision=asked.commit)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def unresolved_reference(each: Reference) -> Problem:
    """Report a place that loads a model which the source does not show; that leaves the model unchecked."""
    expression = each.unresolved or "an expression"
    reason = "this loads a model, and the source does not show which one: no literal and no default"
    if expression.startswith(("'", '"')):  # a literal
        reason = "this loads a model, and the text is no id that the Hub gives; the tree has no such path"
    item = Unchecked(what=expression, reason=reason)
    message = f"{expression} gives the model that is loaded here, and the source does not show which one it is"
    return Problem(
        "unresolved-reference", message, Pointer(model=expression), places=places_of((each,)), unchecked=item
    )


def about_state(model: ModelFacts) -> Iterator[Problem]:
    """Find models that are gone or gated; what they leave unchecked goes with the finding."""
    if model.state not in ("missing", "gated"):
        return
    detail = f": {model.note.removeprefix(f'{model.id}: ')}" if model.note else ""
    item = Unchecked(
        what=model.id, reason=f"it is {model.state}{detail}", decide_with=f"lineage collect {model.id}"
    )  # fmt: skip
    if model.used:
        rule = "model-missing" if model.state == "missing" else "model-gated"
        yield Problem(rule, f"{model.id} is {model.state}{detail}", model.pointer(), unchecked=item)
    else:
        rule = "ancestor-missing" if model.state == "missing" else "ancestor-gated"
        words = f"{model.id}, from which a model of the product descends, is {model.state}{detail}"
        yield Problem(rule, words, model.pointer(), unchecked=item)
