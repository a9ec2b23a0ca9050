"""One side of a comparison: what is known of the main weight group of a model."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from lineage_schemas.derivation import Method, Relation
from lineage_schemas.digests import Digests

if TYPE_CHECKING:
    from lineage.fingerprint.tensor_table import TensorRow
    from lineage.fingerprint.values.anchors import Anchor
    from lineage.fingerprint.values.circuits import Invariants
    from lineage.fingerprint.values.recoded import Grid
    from lineage.fingerprint.values.sketch import SampledTile, Sketch

Outcome = Literal["for", "against", "neutral", "not_applicable", "unchecked"]
Direction = Literal["a_from_b", "b_from_a", "unknown"]


@dataclass(frozen=True)
class Side:
    """What is known of one weight group: digests, the tensor table, the architecture signature and the sketch.

    `rows` is None where headers were not read, `sketch` where no values were. `components` are the digests of the other
    groups of the model (`text_encoder/…`, an adapter), by name: only the main group can descend from another model.
    `other_adapter` says that the weights are an adapter which is no LoRA (LoHa, LoKr, OFT), whose matrices are never
    those of its base. `anchor` and `invariants` are read on demand, where two models may be one in disguise; None where
    they were not.
    """

    name: str
    digests: Digests
    format: str
    rows: Sequence[TensorRow] | None = None
    arch: str | None = None
    sketch: Sketch | None = None
    components: Mapping[str, Digests] = field(default_factory=dict)
    other_adapter: bool = False
    anchor: Anchor | None = None
    invariants: Invariants | None = None

    @property
    def is_adapter(self) -> bool:
        """Return whether the weights are those of a LoRA adapter."""
        return self.sketch is not None and self.sketch.adapter is not None

    @cached_property
    def tiles(self) -> Mapping[tuple[str, str], SampledTile]:
        """Return the sampled tiles by kind and normalised name."""
        return {(each.tile.kind, each.tile.name): each for each in (self.sketch.tiles if self.sketch else ())}

    @cached_property
    def _grids(self) -> dict[tuple[str, str], Grid | None]:
        return {}

    def grid(self, kind: str, name: str) -> Grid | None:
        """Return the grid of a quantised tile, found once; None where its values do not show one."""
        from lineage.fingerprint.values.requantise import grid_of

        if (kind, name) not in self._grids:
            self._grids[kind, name] = grid_of(self.tiles[kind, name])
        return self._grids[kind, name]

    @cached_property
    def dtype(self) -> str | None:
        """Return the dtype in which most matrices are stored; None where headers were not read."""
        counted = Counter(row.dtype for row in self.rows or () if len(row.shape) >= 2)
        return max(counted, key=lambda dtype: (counted[dtype], dtype)) if counted else None

    @cached_property
    def method(self) -> str | None:
        """Return how most sampled matrices are quantised; None for plain floats."""
        counted: dict[str, int] = {}
        for each in self.sketch.tiles if self.sketch else ():
            if each.tile.kind == "strip" and each.method is not None:
                counted[each.method] = counted.get(each.method, 0) + 1
        return max(counted, key=lambda method: (counted[method], method)) if counted else None


@dataclass(frozen=True)
class Finding:
    """What one rule found about a pair.

    `rule` is its id. `value` is the measured number that its documentation explains, None where there is none. `detail`
    says in words what was found, or why nothing was. `direction`, `relation` and `method` are what this rule alone
    implies; `place` is the tensor that shows it best. `proves` says that the rule shows descent by this number.
    """

    rule: str
    outcome: Outcome
    value: float | None = None
    detail: str = ""
    direction: Direction = "unknown"
    relation: Relation | None = None
    method: Method = "unknown"
    place: str | None = None
    proves: bool = False


def other_way(direction: Direction) -> Direction:
    """Return the direction of a pair whose sides are exchanged."""
    return {"a_from_b": "b_from_a", "b_from_a": "a_from_b", "unknown": "unknown"}[direction]  # type: ignore[return-value]


_OF_ADAPTERS = (".hada_w", ".lokr_w", ".oft_r", ".oft_blocks", ".boft_", ".ia3_l", ".vera_lambda_")
"""What names of tensors of adapters other than LoRA have in them."""


def is_adapter_file(group: str, tensors: Iterable[str]) -> bool:
    """Return whether a weight group is an adapter by PEFT's name of its file, or by the names of its tensors."""
    of_peft = posixpath.basename(group).startswith("adapter_model")
    return of_peft or any(part in name.lower() for name in tensors for part in _OF_ADAPTERS)


def is_other_adapter(group: str, tensors: Iterable[str], sketch: Sketch | None) -> bool:
    """Return whether weights are an adapter other than a LoRA, whose matrices are never those of its base."""
    return sketch is not None and sketch.adapter is None and is_adapter_file(group, tensors)
