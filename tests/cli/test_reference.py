"""The reference page of the commands shows their real help."""

from __future__ import annotations

import re

import click
import pytest

from lineage_cli.main import main
from tests.support.shared import ROOT

PAGE = ROOT / "docs/reference/commands.md"

WIDTH = 100


def commands(command: click.Command, name: str, parent: click.Context | None = None) -> list[tuple[str, str]]:
    """List every command with the help that it prints on a terminal of the page's width."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    found = [(context.command_path, command.get_help(context))]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            child = command.get_command(context, inner)
            assert child is not None
            found += commands(child, inner, context)
    return found


ALL = commands(main, "lineage")


def block(path: str, text: str) -> str:
    """Write a command's help as the page shows it, without trailing blanks."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"```text\n$ {path} --help\n{lines}\n```"


@pytest.mark.parametrize(("path", "text"), ALL, ids=[path for path, _ in ALL])
def test_the_page_shows_the_help(path: str, text: str, request: pytest.FixtureRequest) -> None:
    """Each command has a block on the page that equals its --help; `--update-goldens` rewrites it."""
    page = PAGE.read_text("utf-8")
    pattern = re.compile(rf"```text\n\$ {re.escape(path)} --help\n.*?```", re.DOTALL)
    if request.config.getoption("--update-goldens", default=False):
        page = pattern.sub(lambda _: block(path, text), page)
        PAGE.write_text(page, "utf-8")
    found = pattern.findall(page)
    assert len(found) == 1, f"the page needs one block that begins with '$ {path} --help'"
    assert found[0] == block(path, text)


def test_the_page_has_a_heading_for_each_command_and_no_other_help() -> None:
    """The page shows no command that does not exist any more."""
    page = PAGE.read_text("utf-8")
    shown = re.findall(r"^\$ (lineage.*) --help$", page, flags=re.MULTILINE)
    assert sorted(shown) == sorted(path for path, _ in ALL)
    for path, _ in ALL[1:]:
        assert re.search(rf"^#+ `{re.escape(path)}`$", page, flags=re.MULTILINE), path
