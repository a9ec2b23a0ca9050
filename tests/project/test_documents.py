"""Documents are correct: links have targets, commands exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from tests.support.shared import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])

INSTALL = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user uv"

TEST = "python3 -m uv run pytest"


def prose(path: Path) -> str:
    """Read a document without its code blocks and code spans."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path: Path) -> set[str]:
    """List the anchors that a Markdown viewer gives to the headings of a document."""
    headings = re.findall(r"^#+ +(.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> Iterator[str]:
    """List the links of a document whose file or heading is missing."""
    for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def test_every_link_has_a_target() -> None:
    """Each relative link of each document names an existing file and heading."""
    assert len(DOCUMENTS) >= 6
    assert {str(path): links for path in DOCUMENTS if (links := list(broken_links(path)))} == {}


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    """The search finds a missing file and a missing heading, and ignores links in code."""
    page = tmp_path / "a.md"
    page.write_text("# One two\n[x](#one-two) [y](#three) [z](b.md) `[c](d.md)` [w](https://x.org) [a](a.md#one-two)\n")
    assert list(broken_links(page)) == ["#three", "b.md"]


def test_the_readme_begins_with_the_two_commands() -> None:
    """The README starts with one command that shows the program and one that tests it, and CI runs the same ones."""
    readme = (ROOT / "README.md").read_text("utf-8")
    lines = re.findall(r"^```sh\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    commands = [line for block in lines for line in block.splitlines()]
    assert commands[:2] == [f"{INSTALL} && python3 -m uv run lineage demo", TEST]
    gate = (ROOT / ".ci/run").read_text("utf-8")
    assert INSTALL in gate
    assert re.search(rf"^{re.escape(TEST)}( |$)", gate, flags=re.MULTILINE)


def test_every_command_is_documented() -> None:
    """The reference names each command and each of its options, and the README shows each command."""
    from lineage_cli.main import main

    assert isinstance(main, click.Group)
    context = click.Context(main)
    reference = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    names = main.list_commands(context)
    assert {"collect", "trace", "history", "check", "diff", "fingerprint", "verify", "store", "demo"} <= set(names)
    assert [name for name in names if f"lineage {name}" not in reference] == []
    assert [name for name in names if f"lineage {name}" not in readme] == []
    options = {
        option
        for name in names
        for parameter in _parameters(main.get_command(context, name))
        for option in parameter.opts
        if option.startswith("--")
    }
    assert sorted(option for option in options if option not in reference) == []


def _parameters(command: click.Command | None) -> Iterator[click.Parameter]:
    """List the parameters of a command and of its subcommands."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from _parameters(inner)
    elif command is not None:
        yield from command.params


def test_decisions_are_numbered_records() -> None:
    """Each decision record has a number, the situation, the decision, and what became worse."""
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(records) + 1))
    for path in records:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path
        for heading in ("## Situation", "## Decision", "## What became worse"):
            assert f"\n{heading}\n" in text, f"{path.name}: {heading}"
