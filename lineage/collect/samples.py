"""Samples of a model's weights: which groups are sampled, with which configs, and within which budget."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lineage.collect.budget import ReadBudget
from lineage.collect.turns import Turns
from lineage.errors import HubError
from lineage.fingerprint.file_contents import WITH_TENSORS
from lineage.fingerprint.measure import GroupFingerprint, fingerprint_as_deep_as_can_be
from lineage.fingerprint.sampling import GroupSample, ModelConfigs, sample_group
from lineage.fingerprint.values.coverage import may_cover_more
from lineage.hub.declared.parsing import NotReadableError, json_object
from lineage_schemas.cost import Cost
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage.hub.interface import Hub
    from lineage.progress import Progress
    from lineage.store.interface import GraphStore, StoreView
    from lineage_schemas.graph_batch import Attachment

ReadText = Callable[[str], bytes | None]
"""Give a text of the commit by path; None if it cannot be read."""


QUANTISED_APART = {"quantize_config.json": "gptq", "quant_config.json": "awq"}
"""Files beside config.json in which AutoGPTQ and AutoAWQ write how they quantised, with their methods."""

EMPTY = " strips=0/"
"""What the coverage of a sketch says that holds nothing: it was tried, and is tried again with the model."""


@dataclass
class Samples:
    """Hold the samples of one model by files digest, what they cost, and why others were not taken, by group."""

    by_digest: dict[str, GroupSample] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, group: str, digest: str, sample: GroupSample) -> None:
        """Keep the sample of a group, and add what it cost."""
        self.by_digest[digest] = sample
        self.leave(group, sample)

    def leave(self, group: str, sample: GroupSample) -> None:
        """Add what the sample of a group cost, and why it holds nothing, and do not keep it."""
        self.cost = Cost.total((self.cost, sample.cost), local=sample.cost.local)
        if sample.problem is not None:
            self.problems[group] = sample.problem

    def attachments(self) -> Iterator[Attachment]:
        """Yield the sketches in the form that is stored."""
        from lineage.fingerprint.values.sketch import pack_sketch
        from lineage_schemas.graph_batch import Attachment

        for digest, sample in sorted(self.by_digest.items()):
            yield Attachment(kind="sketch", key=digest, data=pack_sketch(sample.sketch))


class Sampler:
    """Sample the weight groups of one model at one commit, the main group first."""

    def __init__(
        self, hub: Hub, model: str, commit: str, store: GraphStore, progress: Progress, turns: Turns | None = None
    ) -> None:
        self._hub, self._model, self._commit, self._store, self._progress = hub, model, commit, store, progress
        self._turns = turns or Turns()

    def take(
        self,
        groups: Iterable[GroupFingerprint],
        files: Mapping[str, FileEntry],
        read_text: ReadText,
        budget: ReadBudget,
        *,
        again: bool = False,
    ) -> Samples:
        """Sample groups whose headers were read; on a remote Hub each costs bytes of the budget.

        A group whose sketch is stored is not sampled `again` unless that is asked for, or tensors of it were unread
        that this version may read. What cannot be sampled is in `problems`: no error is raised.
        """
        samples = Samples()
        for found in sorted(groups, key=lambda each: not each.group.main):
            digest = found.digests.files
            if digest is None or digest in samples.by_digest or found.group.format not in WITH_TENSORS:
                continue
            if found.level == "metadata":
                continue
            with self._turns.sample(digest) as taken:
                if taken is not None and not again:
                    samples.add(found.group.name, digest, taken._replace(cost=Cost(local=self._hub.is_local)))
                    continue
                stored = None if again else self._stored(digest)
                if stored is not None and not may_cover_more(stored):
                    continue
                try:
                    sample = self._sample(found, files, configs_of(found, files, read_text), budget)
                except HubError as error:
                    samples.problems[found.group.name] = error.in_one_line
                    continue
                if sample.sketch.tiles:
                    self._turns.sampled(digest, sample)
            if sample.sketch.tiles or stored is None:
                samples.add(found.group.name, digest, sample)
            else:  # what is stored covers more than nothing
                samples.leave(found.group.name, sample)
            if not self._hub.is_local:
                budget.spend(sample.cost.bytes_read)
        return samples

    def _stored(self, digest: str) -> str | None:
        """Return what the stored sketch of these weights covers; None if there is none that holds something."""
        with self._store.reading() as view:
            coverage: str | None = (view.nodes("Weights", [digest]).get(digest) or {}).get("sketch")
        return coverage if coverage and EMPTY not in coverage else None

    def _sample(
        self, found: GroupFingerprint, files: Mapping[str, FileEntry], configs: ModelConfigs, budget: ReadBudget
    ) -> GroupSample:
        """Sample one group; the headers of one that the store knows are read again."""
        if not found.headers:
            entries = {path: files.get(path) or FileEntry(path=path) for path in found.group.files}
            again, problem = fingerprint_as_deep_as_can_be(
                self._hub, self._model, self._commit, found.group, entries, "header", self._progress
            )
            if again is None or not again.headers:
                reason = problem.in_one_line if problem else "its headers hold no tensors"
                return self._nothing(reason)
            found = again
        left = None if self._hub.is_local else max(0, budget.left)
        return sample_group(self._hub, self._model, self._commit, found, configs, left)

    def _nothing(self, reason: str) -> GroupSample:
        from lineage.fingerprint.values.sketch import Sketch

        return GroupSample(None, Sketch((), {}), Cost(local=self._hub.is_local), problem=reason)


def configs_of(found: GroupFingerprint, files: Mapping[str, FileEntry], read_text: ReadText) -> ModelConfigs:
    """Read the configs in a group's folder that say how its values are stored; unreadable ones say nothing."""
    folder = posixpath.dirname(found.group.files[0])

    def config(name: str) -> dict[str, Any] | None:
        path = posixpath.join(folder, name)
        if path not in files:
            return None
        try:
            return json_object(read_text(path))
        except NotReadableError:
            return None

    own = config("config.json") or {}
    within = own.get("quantization_config")
    if not isinstance(within, Mapping) or not within.get("quant_method"):
        named = (_quantised_apart(name, config(name) or {}) for name in QUANTISED_APART)
        if (apart := next(filter(None, named), None)) is not None:
            own = {**own, "quantization_config": apart}
    return ModelConfigs(own or None, config("adapter_config.json"))


def _quantised_apart(name: str, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a file apart from config.json says of a quantisation; None if it says nothing of one.

    Old versions of AutoGPTQ and AutoAWQ name no method in it, because the file is theirs: `w_bit` and `q_group_size`
    are keys of AWQ, and other bits are those of the file's library. transformers.js writes a `quantize_config.json` for
    its ONNX files, which has neither.
    """
    if config.get("quant_method"):
        return config
    if "w_bit" in config or "q_group_size" in config:
        return {**config, "quant_method": "awq"}
    return {**config, "quant_method": QUANTISED_APART[name]} if "bits" in config else None


def lacks_sketch(view: StoreView, revision: str) -> bool:
    """Return whether weights of a stored revision have tensors of which an older version sampled none or not all."""
    groups = [edge.target for edge in view.edges("HAS_WEIGHTS", [revision], "out")]
    return any(_may_be_sampled(node) for node in view.nodes("Weights", groups).values())


def _may_be_sampled(node: Mapping[str, Any]) -> bool:
    if node.get("format") not in WITH_TENSORS or node.get("level") == "metadata":
        return False
    return node.get("sketch") is None or may_cover_more(node["sketch"])


def sampled_fields(samples: Samples, digest: str) -> dict[str, str | None]:
    """Return what a sample adds to the record of weights."""
    sample = samples.by_digest.get(digest)
    if sample is None:
        return {}
    return {"arch": sample.arch, "sketch": sample.coverage}
