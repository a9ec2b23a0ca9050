"""How inputs become numbers: vocabulary, merges, special tokens, and the settings of tokenizers and processors.

A file that is too long to be read is compared by its bytes: other bytes are a change of kind `replaced`, and what
changed in them is unjudged. The same holds for formats that are not read, such as the SentencePiece model
`tokenizer.model`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lineage.versioning.facets.comparison import ABSENT, Comparison, Place, folder_of, values_of
from lineage.versioning.facets.config_fields import facet_of
from lineage.versioning.facets.configs import compare_configs
from lineage.versioning.facets.files import (
    ADDED_TOKENS,
    MERGES,
    PROCESSORS,
    SPECIAL_TOKENS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    TOKENIZER_TEXTS,
    VOCABULARIES,
    tokenizer_part,
)
from lineage.versioning.facets.side import NotAtHand, Side
from lineage.versioning.facets.vocabulary import (
    TokenizerFile,
    UnreadableError,
    compare_lists,
    compare_tokens,
    count_differing,
    ids_of_added,
    read_merges,
    read_tokenizer,
    read_vocabulary,
)

if TYPE_CHECKING:
    from lineage_schemas.facet import Facet, FacetChangeKind

Read = TypeVar("Read")

SPECIAL = (
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    "additional_special_tokens", "extra_special_tokens",
)  # fmt: skip

FILE_NAMES = frozenset({"name_or_path", "special_tokens_map_file", "tokenizer_file"})
"""Fields of tokenizer_config.json that say nothing of how a text is split."""

NOT_DESCRIBED = "only the other side has tokenizer.json: its vocabulary was compared, but not how texts are split"


def tokenizer(before: Side, after: Side) -> Facet:
    """Compare the tokenizers of all folders, and the settings of processors of images and sound."""
    found = Comparison("tokenizer", before, after)
    listed = before.paths | after.paths
    paths = sorted(path for path in listed if tokenizer_part(path) is not None)
    for side in (before, after):
        paths += [path for path in (TOKENIZER, TOKENIZER_CONFIG) if side.may_have(path) and path not in listed]
    for folder in sorted({folder_of(path) for path in paths}):
        _vocabularies(found, folder)
        _settings(found, folder)
    found.by_hash((path for path in paths if tokenizer_part(path) not in TOKENIZER_TEXTS), opaque=True)
    compare_configs(found)
    return found.facet()


def _vocabularies(found: Comparison, folder: str) -> None:
    """Compare the files that hold tokens and merges of one folder."""
    path = folder + TOKENIZER
    fast = [path in side.files for side in (found.before, found.after)]
    if all(fast) or any(side.may_have(path) for side in (found.before, found.after)):
        sides = _both(found, path, read_tokenizer)
        if sides:
            _compare_tokenizers(found, path, *sides)
    elif any(fast):
        found.replaced(path, None)
        _compare_forms(found, folder)
    for name in VOCABULARIES:
        _compare_tokens(found, folder + name, "vocabulary")
    _compare_tokens(found, folder + ADDED_TOKENS, "added tokens")
    if merges := _both(found, folder + MERGES, read_merges):
        _compare_merges(found, *merges, Place(folder + MERGES))


def _both(found: Comparison, path: str, read: Callable[[bytes], Read]) -> tuple[Read, Read] | None:
    """Read a file of both sides; None if it does not differ, is on one side only, or cannot be compared."""
    if not any(path in side.files or side.may_have(path) for side in (found.before, found.after)):
        return None
    differs = found.differs(path)
    if differs is False:
        return None
    if not all(path in side.files for side in (found.before, found.after)):
        found.replaced(path, None)
        return None
    return _read_both(found, path, read, differs=differs)


def _read_both(
    found: Comparison, path: str, read: Callable[[bytes], Read], *, differs: bool | None
) -> tuple[Read, Read] | None:
    """Read a file of both sides, or note why one cannot be read; other bytes that are too long are `replaced`."""
    sides = (found.before, found.after)
    contents = [side.text(path) for side in sides]
    too_long = [each.reason for each in contents if isinstance(each, NotAtHand) and each.too_long]
    if too_long and differs:
        found.replaced(path, too_long[0])
        return None
    values = []
    for side, content in zip(sides, contents, strict=True):
        if isinstance(content, NotAtHand):
            found.unjudged(side, content.reason, path)
            continue
        try:
            values.append(read(content))
        except UnreadableError as error:
            found.unjudged(side, str(error), path)
    return (values[0], values[1]) if len(values) == 2 else None


def _compare_tokenizers(found: Comparison, path: str, old: TokenizerFile, new: TokenizerFile) -> None:
    """Compare two tokenizer.json files part by part."""
    _changed_tokens(found, "vocabulary", (old.ids, new.ids), Place(path, "model.vocab"))
    if number := count_differing(old.scores, new.scores):
        words = f"{number:,} tokens have another score"
        found.change(
            "scores", (len(old.scores), len(new.scores)), Place(path, "model.vocab"), kind="changed", note=words
        )
    _compare_merges(found, old.merges, new.merges, Place(path, "model.merges"))
    ids = [ids_of_added(side.added.items()) for side in (old, new)]
    _changed_tokens(found, "added tokens", ids, Place(path, "added_tokens"))
    for token in sorted(old.added.keys() & new.added.keys()):
        pair = [{key: value for key, value in side.added[token].items() if key != "id"} for side in (old, new)]
        if pair[0] != pair[1]:
            found.value(f"added token {token}", pair, Place(path, "added_tokens"))
    for part in sorted(old.parts.keys() | new.parts.keys()):
        found.value(part, values_of(old.parts, new.parts, part), Place(path, part))


def _compare_forms(found: Comparison, folder: str) -> None:
    """Compare tokenizer.json of one side with the vocabulary file of the other, from which it may have been made."""
    path = folder + TOKENIZER
    sides = (found.before, found.after)
    fast, slow = sides if path in found.before.files else reversed(sides)
    names = [name for name in VOCABULARIES if folder + name in slow.files]
    others = [each for each in slow.files if tokenizer_part(each) and folder_of(each) == folder]
    if not names:
        if others:
            found.unjudged(slow, "its vocabulary is in a file that is not compared with tokenizer.json", others[0])
        return
    contents = fast.text(path), slow.text(folder + names[0])
    for side, content, read in zip((fast, slow), contents, (path, folder + names[0]), strict=True):
        if isinstance(content, NotAtHand):
            found.unjudged(side, content.reason, read)
    if any(isinstance(content, NotAtHand) for content in contents):
        return
    try:
        made = read_tokenizer(cast("bytes", contents[0]))
        given = read_vocabulary(names[0], cast("bytes", contents[1]))
    except UnreadableError as error:
        found.unjudged(fast, f"tokenizer.json and {names[0]} were not compared: {error}", path)
        return
    pair = (made.ids, given) if fast is found.before else (given, made.ids)
    _changed_tokens(found, "vocabulary", pair, Place(path, "model.vocab"))
    found.unjudged(slow, NOT_DESCRIBED, path)


def _compare_tokens(found: Comparison, path: str, field: str) -> None:
    """Compare the mappings of one file on both sides."""
    sides = _both(found, path, partial(read_vocabulary, path))
    if sides:
        _changed_tokens(found, field, sides, Place(path))


def _changed_tokens(found: Comparison, field: str, ids: Sequence[Mapping[str, int]], place: Place) -> None:
    """Note how a mapping of tokens differs; the values are the numbers of tokens."""
    old, new = ids
    diff = compare_tokens(old, new)
    if diff:
        found.change(field, (len(old), len(new)), place, kind=cast("FacetChangeKind", diff.kind), note=diff.note)


def _compare_merges(found: Comparison, old: Any, new: Any, place: Place) -> None:
    """Note how the merges differ; the values are their numbers."""
    kind = compare_lists(old, new)
    if kind:
        found.change("merges", (len(old), len(new)), place, kind=cast("FacetChangeKind", kind))


def _settings(found: Comparison, folder: str) -> None:
    """Compare special tokens and settings of one folder, field by field."""
    for name in (SPECIAL_TOKENS, TOKENIZER_CONFIG, *PROCESSORS):
        path = folder + name
        if not any(path in side.files or side.may_have(path) for side in (found.before, found.after)):
            continue
        if name in PROCESSORS:
            found.fields(path, lambda key: facet_of(key) not in ("custom_code", "library"), prefix=f"{name[:-5]}.")
            continue
        special = name == SPECIAL_TOKENS
        wanted = (lambda key: True) if special else _is_setting if folder else _is_setting_of_root
        sides = found.objects_of(path, wanted)
        for key in sorted(sides[0].keys() | sides[1].keys()) if sides else ():
            old, new = (_token(key, side.get(key, ABSENT)) for side in sides or ())
            found.value(key, (old, new), Place(path, key))


def _is_setting(key: str) -> bool:
    """Return whether a field of tokenizer_config.json is about splitting texts."""
    return key not in FILE_NAMES and facet_of(key.partition(".")[0]) not in ("context_length", "custom_code", "library")


def _is_setting_of_root(key: str) -> bool:
    """Return whether a field is about splitting texts; the chat template of the root is a facet of its own."""
    return key != "chat_template" and _is_setting(key)


def _token(key: str, value: Any) -> Any:
    """Write a special token as its content, with the settings that are on; old files have them as texts."""
    if key in SPECIAL and isinstance(value, list):
        return [_token_text(each) for each in value]
    return _token_text(value) if key in SPECIAL else value


def _token_text(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("content"), str):
        on = {key: each for key, each in value.items() if key in ("lstrip", "rstrip", "single_word") and each}
        return {"content": value["content"], **on} if on else value["content"]
    return value
