"""Pairs of versions that people coded: which level the rules give, and how often the name announces the same.

`python -m benchmarks.coded_pairs FOLDER [--json OUT]`: FOLDER has the tables of the replication package of arXiv
2409.10472, `{major,minor}_config_diff_update.csv` and `_combined_changes.csv`. They list what the study's authors found
different between a model whose name ends in vN (major) or vN.x (minor) and its predecessor or successor: fields of
config.json with both values, whether a weight file differs, and words about the card. Each pair becomes two folders
with these differences, which the rules of `lineage suggest` judge; what was not coded is equal, a config without
information is unread, and of weights only the hash is known. Pairs of two owners are left out.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.side import Side
from lineage.versioning.names import parse_name
from lineage.versioning.numbers import Number, of_numbers, step_between
from lineage.versioning.suggest.fired import Between
from lineage.versioning.suggest.judged import measured_level
from lineage.versioning.suggest.level import suggest
from lineage_schemas.licence import LicenceRelation
from tests.support.sides import Files, side_of

SAMPLES = ("major", "minor")
UNREAD = "no-information"
Row = Mapping[str, str]

CARD_FIELDS: tuple[tuple[str, str, str], ...] = (
    (r"merge", "base_model: [org/one]", "base_model: [org/one, org/two]"),
    (r"base-?model-?(changed|updated)", "base_model: org/one", "base_model: org/two"),
    (r"li(n)?cense.(changed|update)", "license: other\nlicense_name: one", "license: other\nlicense_name: two"),
    (r"li(n)?cense.inclusion", "", "license: other"),
    (r"dataset", "datasets: [org/one]", "datasets: [org/two]"),
    (r"language", "language: [en]", "language: [en, de]"),
    (r"task.inclusion", "", "pipeline_tag: text-generation"),
    (r"transformer|librar", "", "library_name: transformers"),
)
"""Words of the coders with the metadata of a card before and after; all else is text."""


@dataclass(frozen=True)
class Judged:
    """Hold one pair, the earlier version first, with the step that the names take and the level that was measured."""

    sample: str
    earlier: str
    later: str
    step: str | None
    level: str
    could_be: str | None
    rules: tuple[str, ...]
    config: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the folder of the tables")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    try:
        found = [each for sample in SAMPLES for each in judged(options.folder, sample)]
    except (OSError, KeyError, csv.Error) as error:
        parser.error(f"the tables in {options.folder} cannot be read: {type(error).__name__}: {error}")
    samples = {sample: figures(found, sample) for sample in SAMPLES}
    print("\n".join(lines(samples, found)))
    if options.json:
        result = {"samples": samples, "pairs": [asdict(each) for each in found]}
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return 0


def judged(folder: Path, sample: str) -> Iterator[Judged]:
    """Judge the pairs of one owner of a sample, each once."""
    about_card = {_pair(row): row for row in _rows(folder / f"{sample}_combined_changes.csv")}
    configs = {_pair(row): row for row in _rows(folder / f"{sample}_config_diff_update.csv")}
    for pair, row in configs.items():
        one, other = pair
        if one.partition("/")[0].lower() == other.partition("/")[0].lower():
            yield _judged(sample, pair, row, about_card.get(pair, {}))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, restval=""))


def _pair(row: Row) -> tuple[str, str]:
    return row["main_model_name"].strip(), row["to_compare"].strip()


def _judged(sample: str, pair: tuple[str, str], row: Row, words: Row) -> Judged:
    """Build the two sides of a pair, the earlier one first, and let the rules judge them."""
    numbers = [_number(name) for name in pair]
    configs = list(_configs(row))
    if _is_later(*numbers):
        pair, numbers, configs = (pair[1], pair[0]), numbers[::-1], configs[::-1]
    fields = list(_card_fields(f"{words.get('modelcard', '')} {words.get('readme', '')}"))
    before, after = (_side(pair, number, configs[number], fields, row) for number in (0, 1))
    relation: LicenceRelation | None = "unknown" if any("license" in each[1] for each in fields) else None
    found = suggest(Between(before, after, judge(before, after, relation=relation), relation))
    rules = tuple(dict.fromkeys(each.rule for each in found.fired))
    step = step_between(numbers[0], numbers[1]) if numbers[0] and numbers[1] else None
    known = {UNREAD: "unread", "no-changes": "equal"}.get(row["key"].strip(), "differs")
    return Judged(sample, *pair, step, measured_level(found), found.at_most, rules, known)


def _side(
    pair: tuple[str, str], number: int, config: Mapping[str, Any], fields: list[tuple[str, str]], row: Row
) -> Side:
    """Make one side: its card, its config, and weights of which only the hash is known."""
    card = "\n".join(["---", *filter(None, (each[number] for each in fields)), "---", str(number)])
    weights = str(number if _differ(row["largefile"]) else 0).encode()
    files: Files = {"README.md": card if _differ(row["card"]) else "", "model.safetensors": weights}
    update: dict[str, Any] = {"model": pair[number]}
    if row["key"].strip() == UNREAD:
        files = {**files, "config.json": str(number)}
        update["unreadable"] = {"config.json": "the study has no information on it"}
    else:
        files = {**files, "config.json": config}
    side = side_of(files, commit=f"{number}" * 40)
    return replace(side, snapshot=side.snapshot.model_copy(update=update))


def _differ(coded: str) -> bool:
    return coded.strip().lower() in ("different", "1")


def _number(model: str) -> Number | None:
    """Read the version of a name."""
    version = parse_name(model).version
    return of_numbers(version.text, version.numbers, is_date=version.kind == "date") if version else None


def _is_later(one: Number | None, other: Number | None) -> bool:
    """Return whether the first name is the later version; a name without one comes before all versions."""
    if one is None or other is None:
        return one is not None
    return one.is_after(other) is True


def _configs(row: Row) -> Iterator[dict[str, Any]]:
    """Read both configs: the fields that differ, with their values as the coders wrote them."""
    keys = [key.strip() for key in row["key"].split(",") if key.strip() not in (UNREAD, "no-changes")]
    for values in (_parts(row["main_value"]), _parts(row["compared_value"])):
        read = [_value(text) for text in values] if len(values) == len(keys) else [" ".join(values)] * len(keys)
        yield {key: value for key, value in zip(keys, read, strict=True) if value is not None}


def _parts(text: str) -> list[str]:
    """Split values at commas that are in no bracket and no quotes."""
    return [each.strip() for each in re.findall(r"(?:[^,\[{('\"]|'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\((?:[^()]*)\)|"
                                                r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})+", text)]  # fmt: skip


def _value(text: str) -> Any:
    """Read a value as Python prints it; a word is a text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _card_fields(words: str) -> Iterator[tuple[str, str]]:
    """Give the metadata before and after that the coders' words name, each field once."""
    seen = set()
    for pattern, before, after in CARD_FIELDS:
        name = after.partition(":")[0]
        if re.search(pattern, words, re.IGNORECASE) and name not in seen:
            seen.add(name)
            yield before, after


def figures(found: Sequence[Judged], sample: str) -> dict[str, Any]:
    """Count the levels of a sample, and how many are those that the sample and the step between the names announce."""
    own = [each for each in found if each.sample == sample]
    read = [each for each in own if each.config != "unread"]
    stepped = [each for each in own if each.step not in (None, "none")]
    return {
        "pairs": len(own),
        "levels": dict(Counter(each.level for each in own)),
        "config_read": len(read),
        "levels_config_read": dict(Counter(each.level for each in read)),
        "level_is_the_sample": sum(each.level == sample for each in read),
        "could_be_the_sample": sum(sample in (each.level, each.could_be) for each in read),
        "names_take_a_step": len(stepped),
        "level_is_the_step": sum(each.level == each.step for each in stepped if each.config != "unread"),
        "names_take_a_step_config_read": sum(each.config != "unread" for each in stepped),
        "rules": dict(Counter(rule for each in own for rule in each.rules).most_common()),
    }


def lines(samples: Mapping[str, Mapping[str, Any]], found: Sequence[Judged]) -> Iterator[str]:
    """Write the table of the figures, then each pair."""
    yield f"{'name':7}{'pairs':>6}{'config':>8}{'MAJOR':>7}{'MINOR':>7}{'as name':>9}{'steps':>7}{'as step':>9}"
    for sample, each in samples.items():
        levels = each["levels_config_read"]
        yield (
            f"{sample:7}{each['pairs']:6}{each['config_read']:8}{levels.get('major', 0):7}{levels.get('minor', 0):7}"
            f"{each['level_is_the_sample']:9}{each['names_take_a_step_config_read']:7}{each['level_is_the_step']:9}"
        )
    for pair in found:
        yield f"{pair.sample:6} {pair.level:6} {pair.config:8} {pair.earlier} -> {pair.later}: {', '.join(pair.rules)}"


if __name__ == "__main__":
    raise SystemExit(main())
