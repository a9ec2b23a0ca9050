"""docs/architecture.md shows the rooms that the import contract lists, on its floors."""

from __future__ import annotations

import re
import tomllib

from tests.support.shared import ROOT

PAGE = ROOT / "docs/architecture.md"

HOUSE = {"lineage_cli", "lineage_schemas"}


def contract() -> list[set[str]]:
    """List the floors of the contract, top first, with the rooms that are there; `(server)` may come one day."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["id"] == "rooms"]
    floors = [{room.strip(" ()") for room in layer.split("|")} for layer in layers]
    here = [{room for room in floor if _is_there(room)} for floor in floors]
    return [floor for floor in here if floor]


def _is_there(room: str) -> bool:
    return (ROOT / "lineage" / room).is_dir() or (ROOT / "lineage" / f"{room}.py").is_file()


def table(text: str) -> list[set[str]]:
    """List the floors of the page's table, top first."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, flags=re.MULTILINE)
    numbers = [int(number) for number, _ in rows]
    assert numbers == sorted(numbers, reverse=True)
    return [{room for number, room in rows if int(number) == floor} for floor in dict.fromkeys(numbers)]


def pictured(text: str) -> set[str]:
    """List the rooms of the picture."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    bare = re.sub(r'\|"[^"]*"\||\[" "\]|subgraph \w+|\bend\b|flowchart TB', " ", picture)
    return set(re.findall(r"\w+", bare))


def test_the_table_has_the_floors_of_the_contract() -> None:
    """Each room has a row on its floor, and the table has no other room."""
    assert table(PAGE.read_text("utf-8")) == contract()


def test_the_picture_has_every_room() -> None:
    """The picture shows each room of the contract and the two packages around them, and nothing else."""
    assert pictured(PAGE.read_text("utf-8")) == set().union(*contract()) | HOUSE


def test_a_room_that_is_missing_is_noticed() -> None:
    """Without its row, or without its place in the picture, a room is missed."""
    text = PAGE.read_text("utf-8")
    without = re.sub(r"^\| \d+ \| `query` .*\n", "", text, flags=re.MULTILINE)
    assert table(without) != contract()
    assert "query" not in pictured(re.sub(r"^.*\bquery\b.*\n", "", text, flags=re.MULTILINE))
