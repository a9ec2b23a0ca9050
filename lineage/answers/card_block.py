"""The block of a card that describes a version: made from a suggestion, and written into a card without other edits."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lineage.atomic import replacing
from lineage.errors import InputError
from lineage.versioning.card_fields import CARD_BLOCK
from lineage.versioning.facets.side import CARD
from lineage_schemas.card_block import CardBase, CardBlock

if TYPE_CHECKING:
    from lineage.answers.diff import MeasuredSide
    from lineage_schemas.answers.suggest import FiredRule, SuggestAnswer

_BLOCK = re.compile(r"\A(\ufeff?---[ \t]*\r?\n)(.*?)(^---[ \t]*\r?$)", re.DOTALL | re.MULTILINE)
_COMMIT = re.compile(r"(?P<model>[^@\s]+)@(?P<commit>[0-9a-f]{40})")


def block_of(answer: SuggestAnswer, after: MeasuredSide) -> str:
    """Write the block for the later side of a suggestion as YAML; without a suggested version, with the current one."""
    card, config = after.snapshot.card or {}, after.snapshot.config or {}
    main = after.shown
    architectures = config.get("architectures")
    named = architectures[0] if isinstance(architectures, list) and architectures else config.get("model_type")
    task = card.get("pipeline_tag")
    block = CardBlock(
        version=answer.suggested or answer.current,
        compatible_with=None if answer.level in ("major", "unjudged") else answer.current,
        level=answer.level,
        changes=tuple(dict.fromkeys(rule.name for rule in answer.rules if not _is_block(rule))),
        architecture=named if isinstance(named, str) else None,
        task=task if isinstance(task, str) else None,
        base_model=tuple(_bases(card.get("base_model"))),
        weights=main.digests.weights if main else None,
    )
    return _yaml({CARD_BLOCK: block.model_dump(mode="json", by_alias=True)})


def _is_block(rule: FiredRule) -> bool:
    """Return whether a rule fired for the block itself: a block that is written again must not describe itself."""
    return rule.pointer.file == CARD and rule.field.partition(".")[0] == CARD_BLOCK


def _bases(value: Any) -> list[CardBase]:
    """Read the bases that a card names; one that is written with a commit keeps it."""
    found = []
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and each.strip():
            match = _COMMIT.fullmatch(each.strip())
            found.append(CardBase(**match.groupdict()) if match else CardBase(model=each.strip()))
    return found


def write_block(folder: Path, block: str) -> Path:
    """Put a block into the card of a folder: everything else stays as it is, an earlier block is replaced.

    A card without metadata gets them, and a folder without a card gets one. Raises InputError for a card whose metadata
    cannot be read: it is not changed.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", hint="name the folder of the model that will be uploaded")
    path = folder / "README.md"
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text, and was not changed", hint="save the card as UTF-8") from error
    changed = with_block(text, block, str(path)).encode()
    with replacing(path, hint="check that the folder can be written") as file:
        file.write(changed)
    return path


def with_block(text: str, block: str, name: str = "the card") -> str:
    """Return a card with a block in its metadata. Raises InputError for metadata that cannot be read."""
    from ruamel.yaml.error import YAMLError

    match = _BLOCK.match(text)
    if match is None:
        if re.match(r"\ufeff?---[ \t]*\r?\n", text):
            raise InputError(f"the metadata of {name} never end, and it was not changed", hint="close them with ---")
        return f"---\n{block}---\n{text}"
    end = "\r\n" if match[1].endswith("\r\n") else "\n"
    try:
        loaded = _round_trip().load(match[2])
        if loaded is not None and not isinstance(loaded, dict):
            raise InputError(f"the metadata of {name} are not fields, and it was not changed", hint="write key: value")
        kept = _without_block(match[2], loaded or {})
    except YAMLError as error:
        raise InputError(
            f"the metadata of {name} cannot be read, and it was not changed: {str(error).splitlines()[0]}",
            hint="correct the YAML between the lines ---",
        ) from error
    if kept and not kept.endswith("\n"):
        kept += end
    return match[1] + kept + block.replace("\n", end) + match[3] + text[match.end() :]


def _without_block(metadata: str, loaded: Any) -> str:
    """Cut the lines of an earlier block out of metadata; all other lines stay byte for byte.

    The places of the keys are those of the round-trip parser, so that texts which only look like a key stay.
    """
    if CARD_BLOCK not in loaded:
        return metadata
    lines = metadata.splitlines(keepends=True)
    start = loaded.lc.key(CARD_BLOCK)[0]
    later = [line for key in loaded if (line := loaded.lc.key(key)[0]) > start]
    end = min(later, default=len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return "".join([*lines[:start], *lines[end:]])


def _round_trip() -> Any:
    """Make the parser that knows where each key is written."""
    from ruamel.yaml import YAML

    return YAML(typ="rt")


def _yaml(value: Any) -> str:
    from ruamel.yaml import YAML

    writer = YAML()
    writer.default_flow_style = False
    writer.width = 4096
    out = StringIO()
    writer.dump(value, out)
    return out.getvalue()
