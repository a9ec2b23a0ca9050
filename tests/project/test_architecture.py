"""docs/architecture.md shows the packages of the import contract, in its layers."""

from __future__ import annotations

import re
import tomllib

from tests.support.shared import ROOT

PAGE = ROOT / "docs/architecture.md"

HOUSE = {"lineage_cli", "lineage_schemas"}


def contract() -> list[set[str]]:
    """List the layers of the contract, top first, with the existing packages; `(server)` may come later."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["id"] == "rooms"]
    floors = [{room.strip(" ()") for room in layer.split("|")} for layer in layers]
    here = [{room for room in floor if _is_there(room)} for floor in floors]
    return [floor for floor in here if floor]


def _is_there(room: str) -> bool:
    return (ROOT / "lineage" / room).is_dir() or (ROOT / "lineage" / f"{room}.py").is_file()


def table(text: str) -> list[set[str]]:
    """List the layers of the page's table, top first."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", text, flags=re.MULTILINE)
    numbers = [int(number) for number, _ in rows]
    assert numbers == sorted(numbers, reverse=True)
    return [{room for number, room in rows if int(number) == floor} for floor in dict.fromkeys(numbers)]


def pictured(text: str) -> set[str]:
    """List the packages of the picture."""
    (picture,) = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    bare = re.sub(r'\|"[^"]*"\||\[" "\]|subgraph \w+|\bend\b|flowchart TB', " ", picture)
    return set(re.findall(r"\w+", bare))


def test_the_table_has_the_layers_of_the_contract() -> None:
    """Each package has a row in its layer, and the table has no other package."""
    assert table(PAGE.read_text("utf-8")) == contract()


def test_the_picture_has_every_package() -> None:
    """The picture shows each package of the contract and the two packages around them, and nothing else."""
    assert pictured(PAGE.read_text("utf-8")) == set().union(*contract()) | HOUSE


def test_a_missing_package_is_noticed() -> None:
    """A package without a row in the table, or without a node in the picture, is found."""
    text = PAGE.read_text("utf-8")
    without = re.sub(r"^\| \d+ \| `query` .*\n", "", text, flags=re.MULTILINE)
    assert table(without) != contract()
    assert "query" not in pictured(re.sub(r"^.*\bquery\b.*\n", "", text, flags=re.MULTILINE))
