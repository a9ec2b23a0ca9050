"""What all facets share: comparing files and fields of two sides, and putting the changes into one record."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.versioning.facets.side import CARD, CONFIG, NotAtHand, Object, Side, json_text, same_bytes
from lineage_schemas.facet import Facet, FacetChange, Unjudged

if TYPE_CHECKING:
    from lineage_schemas.facet import FacetChangeKind, FacetName

MAX_VALUE = 2_000
"""Characters of a value that an answer has; a longer one is cut, and its SHA-256 is given."""

MAX_CHANGES = 50
"""Changes and unjudged files of one facet that an answer lists; the others are counted."""

MAX_FIELDS = 50_000
"""Fields of one file that are compared one by one; real configs have hundreds."""

ABSENT: Any = object()
"""A value that one side does not have: JSON's null is a value."""

OTHER_IDS = "one side gives its SHA-256 and the other only its id in git, and it was not read"


class Place(NamedTuple):
    """Name a file and a field or a tensor in it."""

    file: str | None = None
    field: str | None = None
    tensor: str | None = None


class Comparison:
    """Collect what differs between two sides in one facet, and what could not be compared."""

    def __init__(self, name: FacetName, before: Side, after: Side) -> None:
        self.name, self.before, self.after = name, before, after
        self.changes: list[FacetChange] = []
        self._values: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._named: set[str] = set()
        self._more = 0
        self._unjudged: dict[Unjudged, None] = {}

    def facet(self) -> Facet:
        """Give what was found."""
        unjudged = self._all_unjudged()
        if not self.changes:
            return Facet(name=self.name, state="unjudged" if unjudged else "same", unjudged=unjudged)
        old, new = (bounded(json_text(values)) for values in self._values)
        return Facet(
            name=self.name,
            state="changed",
            before=old.text,
            after=new.text,
            before_sha256=old.sha256,
            after_sha256=new.sha256,
            changes=tuple(self.changes),
            more_changes=self._more,
            unjudged=unjudged,
        )

    def _all_unjudged(self) -> tuple[Unjudged, ...]:
        """List what could not be compared; beyond a bound, one more entry counts the rest."""
        found = tuple(self._unjudged)
        if len(found) <= MAX_CHANGES:
            return found
        words = f"{len(found) - MAX_CHANGES:,} more files or fields could not be compared"
        return (*found[:MAX_CHANGES], Unjudged(pointer=self.after.pointer(), reason=words))

    def change(
        self,
        field: str,
        values: Sequence[Any],
        place: Place,
        *,
        kind: FacetChangeKind | None = None,
        note: str | None = None,
    ) -> None:
        """Note a change from one value to another; without a kind, which side has a value decides."""
        if len(self.changes) == MAX_CHANGES:
            self._more += 1
            return
        old, new = values
        texts = [_Bounded(None, None) if value is ABSENT else bounded(json_text(value)) for value in values]
        name = field if field not in self._named else f"{place.file}: {field}"
        self._named.add(name)
        for held, value in zip(self._values, values, strict=True):
            if value is not ABSENT:
                held[name] = value
        self.changes.append(
            FacetChange(
                kind=kind or ("added" if old is ABSENT else "removed" if new is ABSENT else "changed"),
                field=field,
                before=texts[0].text,
                after=texts[1].text,
                before_sha256=texts[0].sha256,
                after_sha256=texts[1].sha256,
                note=note,
                pointer=(self.before if new is ABSENT else self.after).pointer(*place),
            )
        )

    def unjudged(self, side: Side, reason: str, path: str | None = None, field: str | None = None) -> None:
        """Note that a file, or a field of one, could not be compared."""
        self._unjudged[Unjudged(pointer=side.pointer(path, field), reason=reason)] = None

    def differs(self, path: str) -> bool | None:
        """Return whether a file differs by its id or its presence; None if only its content can show it.

        A file that may exist and is not listed is noted as unjudged, and False is returned.
        """
        if self._may_lack(path):
            return False
        old, new = self.before.files.get(path), self.after.files.get(path)
        if old is None or new is None:
            return old is not new
        if path in (CARD, CONFIG) and any(path in side.snapshot.without_bytes for side in (self.before, self.after)):
            return None
        same = same_bytes(old, new)
        return None if same is None else not same

    def _may_lack(self, path: str) -> bool:
        """Note each side that may have a file which it does not list."""
        lacking = [side for side in (self.before, self.after) if side.may_have(path)]
        for side in lacking:
            self.unjudged(side, side.why_not_listed(path), path)
        return bool(lacking)

    def objects(self, path: str) -> tuple[Object, Object] | None:
        """Read the fields of a file on both sides; None if there is nothing to compare, or nothing can be."""
        if self.differs(path) is False:
            return None
        sides = (self.before, self.after)
        old, new = (side.object(path) for side in sides)
        for side, found in zip(sides, (old, new), strict=True):
            if found.problem is not None:
                self.unjudged(side, found.problem, path)
        return None if any(each.problem is not None and not each.fields for each in (old, new)) else (old, new)

    def fields(self, path: str, wanted: Callable[[str], bool], *, prefix: str = "") -> None:
        """Compare the fields of a JSON file or of the card that are wanted, one by one."""
        found = self.objects_of(path, wanted)
        if found is None:
            return
        old, new = found
        for key in sorted(old.keys() | new.keys()):
            self.value(prefix + key, values_of(old, new, key), Place(path, key))

    def objects_of(
        self, path: str, wanted: Callable[[str], bool]
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        """Read the wanted fields of a file, flat, without those of which one side's value is unknown."""
        found = self.objects(path)
        if found is None:
            return None
        if any(sum(1 for _ in islice(flat(each.fields), MAX_FIELDS + 1)) > MAX_FIELDS for each in found):
            self.unjudged(self.after, f"it has more than {MAX_FIELDS:,} fields", path)
            return None
        old, new = ({key: value for key, value in flat(each.fields) if wanted(key)} for each in found)
        if found[0].problem is not None:
            new = {key: value for key, value in new.items() if key in old}
        if found[1].problem is not None:
            old = {key: value for key, value in old.items() if key in new}
        return old, new

    def value(self, field: str, values: Sequence[Any], place: Place) -> None:
        """Compare two values of a field; of two lists, one may be the other with more at the end."""
        old, new = values
        if old is ABSENT or new is ABSENT:
            if old is not new:
                self.change(field, values, place)
        elif not same_value(old, new):
            self.change(field, values, place, kind=_kind_of_lists(old, new))

    def by_hash(self, paths: Iterable[str], *, opaque: bool = False) -> None:
        """Compare files by their ids alone; `opaque` says that this leaves open what changed in them."""
        for path in sorted(paths):
            differs = self.differs(path)
            if differs is None:
                differs = self._differs_by_text(path)
            if differs:
                self.replaced(path, "its bytes differ, and they were not compared" if opaque else None)

    def _differs_by_text(self, path: str) -> bool:
        """Compare two files whose ids prove nothing by their bytes, if both were read."""
        texts = [side.text(path) for side in (self.before, self.after)]
        if any(isinstance(text, NotAtHand) for text in texts):
            self.unjudged(self.after, OTHER_IDS, path)
            return False
        return texts[0] != texts[1]

    def replaced(self, path: str, unread: str | None) -> None:
        """Note that a file came, went or has other bytes; `unread` says why it is not known what changed in it."""
        old, new = (side.files.get(path) for side in (self.before, self.after))
        ids = [ABSENT if entry is None else entry.identity or f"size:{entry.size}" for entry in (old, new)]
        both = old is not None and new is not None
        self.change(path, ids, Place(path), kind="replaced" if both and unread else None)
        if both and unread:
            self.unjudged(self.after, unread, path)


def values_of(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> tuple[Any, Any]:
    """Take the values of one key on both sides, ABSENT where it is missing."""
    return old.get(key, ABSENT), new.get(key, ABSENT)


class _Bounded(NamedTuple):
    text: str | None
    sha256: str | None


def bounded(text: str) -> _Bounded:
    """Cut a long text, with the SHA-256 of all of it."""
    if len(text) <= MAX_VALUE:
        return _Bounded(text, None)
    return _Bounded(text[:MAX_VALUE] + "…", hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest())


def same_value(old: Any, new: Any) -> bool:
    """Return whether two JSON values are the same; 1 and 1.0 are, 1 and true are not."""
    if type(old) is type(new) and isinstance(old, str | int | float):
        return bool(old == new)
    if isinstance(old, int | float) and isinstance(new, int | float) and bool not in (type(old), type(new)):
        return bool(old == new)
    return json_text(old) == json_text(new)


def _kind_of_lists(old: Any, new: Any) -> FacetChangeKind | None:
    """Return whether a list was appended to, or lost its end."""
    if isinstance(old, list) and isinstance(new, list) and old and new:
        if len(new) > len(old) and same_value(new[: len(old)], old):
            return "appended"
        if len(old) > len(new) and same_value(old[: len(new)], new):
            return "removed"
    return None


WHOLE = frozenset({
    "id2label", "label2id", "task_specific_params", "auto_map", "rope_scaling", "rope_parameters", "generation_config",
    "quantization_config", "compression_config", "custom_pipelines", "added_tokens_decoder", "chat_template",
    "model-index", "widget", "custom_generate", "bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
    "cls_token", "mask_token", "extra_special_tokens",
})  # fmt: skip
"""Fields whose objects are one value."""


def flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give the fields of nested objects, such as `text_config.hidden_size`; an empty object is a value.

    A key with a dot is quoted, so that it cannot hide a field of an object.
    """
    for name, value in fields.items():
        key = json_text(name) if "." in name else name
        if isinstance(value, Mapping) and value and key not in WHOLE:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def top_level(*names: str) -> Callable[[str], bool]:
    """Make a test of the fields of a card, which are at its top level."""
    return lambda key: key.partition(".")[0] in names


def folder_of(path: str) -> str:
    """Return the folder of a path with its slash, empty at the root."""
    return path[: path.rfind("/") + 1]


CHECKPOINT = re.compile(r"(^|/)checkpoint[-_][^/]*/")
"""Folders of a training run: what is in them is not what a loader takes."""
