"""A graph as large as the Hub, in the shape that the Hub's own had in July 2024, as rows.

The recorded models and their declared bases are repeated with suffixes until there are enough of them. Popular bases
keep one name in all copies, because a Hub grows in that way: they get more children. The most popular ones have
one common ancestor, so that one base has more than 100,000 descendants.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lineage.store.graph import EdgeRow, NodeKind, NodeRow
from lineage.store.rows import Rows
from lineage_schemas.derivation import Derivation
from lineage_schemas.model import Model
from lineage_schemas.revision import Revision

FOUNDATION = "bench/foundation"
POPULAR = 500
"""A base with at least so many children keeps its name in all copies."""

SHARED_FILES = 0.15
"""The share of files whose content is in another model too."""

MODEL = Model(key="a/b", hub="huggingface.co", id="a/b").model_dump(mode="json", exclude={"key"})

REVISION = Revision(key="a/b@c", model="a/b", commit="c").model_dump(mode="json", exclude={"key"})
"""Records without content: every field is present, as in a store."""

EDGE = {
    **Derivation(child="a/b", parent="a/c").model_dump(mode="json", exclude={"child", "parent"}),
    "relation": "finetune", "relation_declared": "finetune", "method": "full",
}  # fmt: skip


class Shape(NamedTuple):
    """How many models, edges and files there are."""

    models: int
    edges: int
    files: int


class Recorded(NamedTuple):
    """One recorded model with its declared bases."""

    key: str
    bases: tuple[str, ...]
    licence: str | None


def recorded(data: Path | None) -> list[Recorded]:
    """Read the recorded models, or make similar ones if there is no record."""
    file = data / "base_model_tags_2024-07.csv.gz" if data else None
    if file is None or not file.is_file():
        return _generated()
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        return [
            Recorded(row["model_id"], tuple(b for b in row["base_models"].split("|") if b), row["license"] or None)
            for row in csv.DictReader(lines)
        ]


def _generated(count: int = 100_000) -> list[Recorded]:
    """Let each model choose an earlier one, mostly a popular one: few bases have most of the children."""
    dice = random.Random(7)
    made = [Recorded(f"base/{n}", (), "mit") for n in range(20)]
    for n in range(count):
        parents = 1 if dice.random() < 0.95 else dice.randrange(2, 6)
        bases = {made[int(len(made) * dice.random() ** 6)].key for _ in range(parents)}
        made.append(Recorded(f"user{n % 9973}/model-{n}", tuple(sorted(bases)), "apache-2.0"))
    return made


class Graph:
    """Generate the rows of a graph of a given shape, the same every time."""

    def __init__(self, shape: Shape, records: list[Recorded]) -> None:
        self.shape, self._records = shape, records
        children = Counter(base for record in records for base in record.bases)
        self.popular = {base for base, count in children.items() if count >= POPULAR}
        self.top = [base for base, _ in children.most_common(6)]
        self._bare = sorted({*children} - {record.key for record in records})

    def models(self) -> Iterator[tuple[str, tuple[str, ...], str | None]]:
        """Yield key, bases and licence of each model; bases only until the number of edges is reached."""
        given = edges = copy = 0
        while given < self.shape.models:
            for record in (*(Recorded(key, (), None) for key in (FOUNDATION, *self._bare)), *self._records):
                key = self._named(record.key, copy)
                if given >= self.shape.models or (copy and key == record.key):
                    continue
                bases = tuple(self._named(base, copy) for base in record.bases)
                if record.key in self.top:
                    bases = (FOUNDATION,)
                bases = tuple(base for base in bases if base != key)[: self.shape.edges - edges]
                yield key, bases, record.licence
                given, edges = given + 1, edges + len(bases)
            copy += 1

    def _named(self, key: str, copy: int) -> str:
        return key if copy == 0 or key in self.popular or key == FOUNDATION else f"{key}.copy{copy}"

    def batches(self, size: int) -> Iterator[Rows]:
        """Yield the whole graph, `size` models at a time, each with one revision and its files."""
        rows, each, spare = Rows(), *divmod(self.shape.files, self.shape.models)
        for number, (key, bases, licence) in enumerate(self.models()):
            self.add(rows, number, key, bases, licence, each + (number % self.shape.models < spare))
            if len(rows.nodes["Model"]) == size:
                yield rows
                rows = Rows()
        if rows.nodes:
            yield rows

    def add(self, rows: Rows, number: int, key: str, bases: tuple[str, ...], licence: str | None, files: int) -> None:
        """Add one model with everything that belongs to it."""
        commit = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
        revision = f"{key}@{commit}"
        _node(rows, "Model", NodeRow(key, model_properties(key, commit, licence)))
        _node(rows, "Revision", NodeRow(revision, revision_properties(key, commit)))
        _edge(rows, EdgeRow("HAS_REVISION", key, revision, "", {}))
        for base in bases:
            _edge(rows, EdgeRow("DERIVED_FROM", key, base, "", {**EDGE, "evidence": [commit[:32]]}))
        for position in range(files):
            file = file_key(number, position)
            _node(rows, "File", NodeRow(file, {"size": 1000 + position, "alias": None}))
            _edge(
                rows,
                EdgeRow(
                    "CONTAINS",
                    revision,
                    file,
                    PATHS[position % len(PATHS)] + ("" if position < 10 else str(position)),
                    {},
                ),
            )


PATHS = ("config.json", "model.safetensors", "README.md", "tokenizer.json", ".gitattributes", "vocab.json",
         "merges.txt", "generation_config.json", "special_tokens_map.json", "tokenizer_config.json")  # fmt: skip


def file_key(number: int, position: int) -> str:
    """Choose the content of a model's file; some are shared with an earlier model."""
    seed = number * 64 + position
    if number and (seed * 2_654_435_761) % 1000 < SHARED_FILES * 1000:
        seed = (seed * 2_246_822_519 % 2**32 % number) * 64 + position
    return "sha256:" + hashlib.sha256(seed.to_bytes(8, "little")).hexdigest()


def model_properties(key: str, commit: str, licence: str | None) -> dict[str, object]:
    """Describe a model as `collect` does."""
    seen = {"observed_at": "2026-01-01T00:00:00Z"}
    return {
        **MODEL, "id": key, "state": "present", "publisher": key.split("/")[0], "head": commit, "level": "header",
        "licence": licence, "library_name": "transformers", "pipeline_tag": "text-generation",
        "tags": ["safetensors", "region:us"], "collected_at": "2026-01-01T00:00:00Z",
        "observations": {
            "created": {"value": "2024-07-01T00:00:00Z", **seen}, "last_modified": None,
            "downloads": {"value": 7, **seen}, "likes": {"value": 1, **seen}, "gated": {"value": False, **seen},
            "family": {"value": "llama", **seen},
        },
    }  # fmt: skip


def revision_properties(key: str, commit: str) -> dict[str, object]:
    """Describe a commit as `collect` does."""
    return {
        **REVISION, "model": key, "commit": commit, "date": "2024-07-01T00:00:00Z", "author_key": commit[:16],
        "title": "Upload model",
    }  # fmt: skip


def _node(rows: Rows, kind: NodeKind, node: NodeRow) -> None:
    rows.nodes.setdefault(kind, {})[node.key] = node.properties


def _edge(rows: Rows, edge: EdgeRow) -> None:
    rows.edges.setdefault(edge.kind, {})[edge.source, edge.target, edge.name] = edge.properties
