"""What a model declares: its licence, the models it was made from, the data, and results of evaluations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lineage.hub.declared.parsing import NotReadableError, text_of
from lineage.hub.declared.recipe import RECIPES
from lineage.versioning.facets.comparison import ABSENT, Comparison, Place, top_level, values_of
from lineage.versioning.facets.configs import compare_configs
from lineage.versioning.facets.files import EVALUATION, LICENCE_TEXT
from lineage.versioning.facets.side import CARD, NotAtHand, Side

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetChangeKind
    from lineage_schemas.licence import LicenceRelation


_NOTES: Mapping[LicenceRelation, str] = {
    "same": "the terms are the same",
    "other": "narrower in some terms, wider in others",
    "unknown": "not all terms are known",
}


def licence(before: Side, after: Side, relation: LicenceRelation | None = None) -> Facet:
    """Compare the licence that the cards declare, its name and link, and the files with its text by their bytes.

    `relation` is what the later licence permits relative to the earlier one, if the caller has compared their terms:
    then a changed `license` is narrower or wider, or the note of the change says what else is known.
    """
    found = Comparison("licence", before, after)
    sides = found.objects_of(CARD, top_level("license", "license_name", "license_link"))
    for key in sorted(sides[0].keys() | sides[1].keys()) if sides else ():
        old, new = (side.get(key, ABSENT) for side in sides or ())
        if key == "license" and relation and ABSENT not in (old, new) and old != new:
            kind: FacetChangeKind = relation if relation in ("narrower", "wider") else "changed"
            found.change(key, (old, new), Place(CARD, key), kind=kind, note=_NOTES.get(relation))
        else:
            found.value(key, (old, new), Place(CARD, key))
    listed = before.paths | after.paths
    found.by_hash(path for path in listed if LICENCE_TEXT.fullmatch(path))
    return found.facet()


def base_model(before: Side, after: Side) -> Facet:
    """Compare the models that card, configs and merge recipes name as the origin."""
    found = Comparison("base_model", before, after)
    found.fields(CARD, top_level("base_model", "base_model_relation", "merged_models"))
    compare_configs(found)
    listed = before.paths | after.paths
    found.by_hash((path for path in listed if path in RECIPES), opaque=True)
    return found.facet()


def datasets(before: Side, after: Side) -> Facet:
    """Compare the data sets that the cards name."""
    found = Comparison("datasets", before, after)
    found.fields(CARD, top_level("datasets", "dataset", "train-eval-index"))
    return found.facet()


def evaluation(before: Side, after: Side) -> Facet:
    """Compare the results that cards and files of results give, each by its task, data set and metric."""
    found = Comparison("evaluation", before, after)
    sides = found.objects_of(CARD, top_level("model-index", "eval_results", "metrics"))
    if sides:
        old, new = sides
        for key in sorted((old.keys() | new.keys()) - {"model-index"}):
            found.value(key, values_of(old, new, key), Place(CARD, key))
        _results(found, values_of(old, new, "model-index"))
    for path in sorted(path for path in before.paths | after.paths if EVALUATION.fullmatch(path)):
        _result_file(found, path)
    return found.facet()


def _results(found: Comparison, indexes: tuple[Any, Any]) -> None:
    """Compare model-index result by result; one of another form is compared as a whole."""
    tables = [_table(value) for value in indexes]
    place = Place(CARD, "model-index")
    before = len(found.changes)
    old, new = tables
    for name in sorted(old.keys() | new.keys()) if old is not None and new is not None else ():
        found.value(name, values_of(old or {}, new or {}, name), place)
    if len(found.changes) == before:
        found.value("model-index", indexes, place)


def _table(index: Any) -> dict[str, Any] | None:
    """Map the results of model-index to their values: `text-classification · imdb · accuracy`."""
    if index is ABSENT:
        return {}
    if not isinstance(index, list):
        return None
    found: dict[str, Any] = {}
    times: Counter[str] = Counter()
    for name, value in _values(index):
        times[name] += 1
        found[name if times[name] == 1 else f"{name} ({times[name]})"] = value
    return found or None


def _values(index: list[Any]) -> Iterator[tuple[str, Any]]:
    """Give the name and the value of each metric."""
    several = len(index) > 1
    for model in index:
        for result in _mappings(model, "results"):
            task, data = (_mapping(result.get(key)) for key in ("task", "dataset"))
            for metric in _mappings(result, "metrics"):
                parts = [
                    model.get("name") if several else None,
                    task.get("type"),
                    *(data.get(key) for key in ("type", "config", "split")),
                    metric.get("name") or metric.get("type"),
                ]
                yield " · ".join(str(part) for part in parts if part), metric.get("value")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(holder: Any, key: str) -> list[dict[str, Any]]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _result_file(found: Comparison, path: str) -> None:
    """Compare a file of results as a text; where it was not read, by its bytes."""
    if found.differs(path) is False:
        return
    values: list[Any] = []
    for side in (found.before, found.after):
        content = side.text(path) if path in side.files else ABSENT
        if isinstance(content, NotAtHand):
            found.by_hash([path], opaque=True)
            return
        try:
            values.append(ABSENT if content is ABSENT else text_of(content))
        except NotReadableError as error:
            found.unjudged(side, str(error), path)
            return
    found.value(path, values, Place(path))
