"""A folder of models whose descent is known: sides of all weight groups, and what is true of each pair."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from lineage.answers.session import Session
from lineage.collect.budget import ReadBudget
from lineage.collect.measuring import measure_model
from lineage.collect.samples import configs_of
from lineage.derivation.side import Side
from lineage.fingerprint.sampling import sample_group
from lineage.hub.interface import Hub
from lineage.progress import SILENT


@dataclass(frozen=True)
class Edge:
    """Hold one edge of the truth."""

    child: str
    parent: str
    relation: str
    detail: str

    @property
    def method(self) -> str | None:
        """Return our word for how the child was made; None where the weights cannot show it."""
        words = self.detail.lower()
        named = ("gptq", "awq", "gguf", "bitsandbytes", "torchao", "quanto", "linear", "slerp")
        of_detail = next((name for name in named if name in words), None)
        if self.relation == "prune":
            return "layer_dropped" if "layer" in words else "pruned"
        if self.relation == "merge" and "lora" in words:
            return "lora_merge"
        if self.relation == "copy":
            return "renamed" if "renamed" in words else "duplicate"
        fixed = {"cast": "cast", "reshard": "resharded", "vocab_extend": "vocab_extended", "adapter": "lora"}
        if self.relation == "finetune" and "last layer" in words:
            return "partial"
        return fixed.get(self.relation, of_detail if self.relation in ("quantized", "merge") else None)


class Zoo:
    """Hold the sides of a zoo: `org/name`, `org/name@r1` for a revision, `org/name#file` for one of several files."""

    def __init__(
        self, sides: dict[str, Side], models: list[str], edges: list[Edge], shared: dict[str, set[str]]
    ) -> None:
        self.sides, self.models = sides, models
        self._edges = {(edge.child, edge.parent): edge for edge in edges}
        self._shared = shared

    @staticmethod
    def model_of(name: str) -> str:
        """Return the model of a side."""
        return name.partition("#")[0].partition("@")[0]

    def edge(self, a: str, b: str) -> Edge | None:
        """Return the edge between two sides, in either direction."""
        a, b = self.model_of(a), self.model_of(b)
        return self._edges.get((a, b)) or self._edges.get((b, a))

    def others(self, a: str, b: str) -> list[str]:
        """List what explains an edge: the child's other parents, and for an adapter the models merged from it."""
        edge = self.edge(a, b)
        if edge is None:
            return []
        if edge.relation == "adapter":
            return [child for child, parent in self._edges if parent == edge.child]
        if edge.relation != "merge":
            return []
        return [parent for child, parent in self._edges if child == edge.child and parent != edge.parent]

    def related(self, a: str, b: str) -> bool:
        """Return whether the lines upwards of two sides meet."""
        return bool(self._ancestors(self.model_of(a)) & self._ancestors(self.model_of(b)))

    def root(self, name: str) -> str:
        """Return the first, by name, of the models without parents from which a side's weights come."""
        return min(each for each in self._ancestors(self.model_of(name)) if not self._shared.get(each))

    def _ancestors(self, model: str) -> set[str]:
        found, left = {model}, [model]
        while left:
            for parent in self._shared.get(left.pop(), set()) - found:
                found.add(parent)
                left.append(parent)
        return found


def read_zoo(folder: Path) -> Zoo:
    """Measure and sample every weight group of a zoo, in full."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    edges = [Edge(each["child"], each["parent"], each["relation"], each["detail"]) for each in truth["edges"]]
    shared: defaultdict[str, set[str]] = defaultdict(set)
    for each in truth["edges"]:
        if each["shares_weights"]:
            shared[each["child"]].add(each["parent"])
    sides: dict[str, Side] = {}
    models = []
    for node in truth["nodes"]:
        place = folder / node["id"]
        revisions = sorted(place.glob("r[0-9]"))
        if not revisions and place.is_dir():
            models.append(node["id"])
        for at in revisions or [place]:
            name = f"{node['id']}@{at.name}" if revisions else node["id"]
            if at.is_dir():
                sides |= sides_of(at, name)
    return Zoo(sides, models, edges, dict(shared))


def sides_of(folder: Path, name: str) -> dict[str, Side]:
    """Measure and sample each weight group of one folder."""
    with Session(hub_selector=str(folder.parent), store_url="memory:") as session:
        return groups_of(*session.folder(folder), name)


def groups_of(hub: Hub, model: str, name: str) -> dict[str, Side]:
    """Measure and sample each weight group of a model."""
    resolved = hub.resolve(model)
    measured = measure_model(hub, resolved, ReadBudget(True, "full"), SILENT)
    snapshot = measured.snapshot
    assert snapshot is not None
    files = {entry.path: entry for entry in snapshot.files}
    found = {}
    for group in measured.groups:

        def read(path: str) -> bytes | None:
            return hub.read_text(snapshot.model, snapshot.commit, path, files[path].size)

        sample = sample_group(hub, resolved.model, resolved.commit, group, configs_of(group, files, read))
        key = name if len(measured.groups) == 1 else f"{name}#{group.group.name}"
        found[key] = Side(key, group.digests, group.group.format, group.rows, sample.arch, sample.sketch)
    return found
