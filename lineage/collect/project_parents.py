"""Parents that a project declares for models whose cards do not name them: evidence of the rule `project.declared`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lineage.hub.declared.declaration import Declaration, parent
from lineage.store.aliases import key_of_alias
from lineage_schemas.ids import model_key, split_model_key

if TYPE_CHECKING:
    from lineage.store.interface import StoreView
    from lineage_schemas.project_file import ProjectParent

RULE = "project.declared"

FIELD = "parents"


@dataclass(frozen=True)
class ProjectParents:
    """Hold the parents that a project file declares; `file` is its name without the folder.

    The name and not the path is part of the evidence: the same declaration has one id on every machine.
    """

    file: str
    parents: tuple[ProjectParent, ...]

    def of(self, view: StoreView, key: str, asked: str | None = None) -> tuple[Declaration, ...]:
        """Return what is declared for a model, in order of parents.

        The child is named by its id in any case, by a former name that the store knows, or as it was `asked` for.
        """
        hub_name, _ = split_model_key(key)
        found = []
        for each in self.parents:
            named = key_of_alias(view, hub_name, each.child) or model_key(hub_name, each.child)
            if named.lower() == key.lower() or (asked is not None and each.child.lower() == asked.lower()):
                found.append(self._declaration(each))
        return tuple(sorted(found, key=lambda each: each.value or ""))

    def _declaration(self, each: ProjectParent) -> Declaration:
        stated = each.relation is not None
        return parent(RULE, self.file, FIELD, each.parent, relation=each.relation, by_publisher=stated)

    def differ_from(self, view: StoreView, key: str, asked: str | None = None) -> bool:
        """Return whether the edges of a stored model rest on other declarations of a project than these.

        Then the model is read again: evidence about dates and forms depends on which parents are named.
        """
        wanted = {(each.value, each.relation, each.file) for each in self.of(view, key, asked)}
        stored = set(_stored(view, key))
        missing = wanted - stored
        return bool(stored - wanted) or bool(missing and missing - set(_unresolvable(view, key)))


Content = tuple[str | None, str | None, str | None]
"""What evidence says, whatever its id: the parent as written, the relation, and the file."""


def _stored(view: StoreView, key: str) -> Iterator[Content]:
    """List the declarations of projects that a model's edges rest on."""
    ids = {each for edge in view.edges("DERIVED_FROM", [key], "out") for each in edge.properties.get("evidence") or ()}
    for row in view.nodes("Evidence", ids).values():
        if row["rule"] == RULE:
            yield _content(row)


def _unresolvable(view: StoreView, key: str) -> Iterator[Content]:
    """List the declarations at the present head whose names are not models, so that they make no edge."""
    head = (view.nodes("Model", [key]).get(key) or {}).get("head")
    for row in view.find("Evidence", {"child": key}):
        evidence = row.properties
        if evidence["rule"] == RULE and evidence.get("unresolvable") and evidence.get("child_revision") == head:
            yield _content(evidence)


def _content(evidence: Mapping[str, Any]) -> Content:
    return evidence.get("value"), evidence.get("relation"), evidence["pointer"].get("file")
