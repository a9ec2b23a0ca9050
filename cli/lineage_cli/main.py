"""The entry point: a group whose commands are imported when they are run, and one place that catches errors."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import Any, NoReturn, cast

import click

import lineage

COMMANDS = {
    "demo": "Run the whole job on models that the package carries, offline.",
    "collect": "Read models from the Hub into the store, with their ancestors.",
    "trace": "Show where a model comes from, or who stands on it.",
    "history": "List every push of a model and what it did to the weights.",
    "check": "Tell whether a model's weights moved without a word.",
    "diff": "Compare two revisions or two models.",
    "fingerprint": "Compute the digests of weights: a file, a folder or a model.",
    "verify": "Tell whether local weights are what they are said to be.",
    "store": "Look after the store.",
}
"""Commands in the order in which people meet them, with their short helps: `--help` imports none of them."""


class LazyGroup(click.Group):
    """Import a command when it is run. A record library or a Hub client must not cost `--help` anything."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit; whatever goes wrong ends as words, never as a traceback."""
        extra |= {"prog_name": "lineage", "standalone_mode": False}
        try:
            _start_lean()
            _open_closed_streams()
            code = super().main(*args, **extra)
            sys.stdout.flush()
        except (SystemExit, KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the one place where errors end
            from lineage_cli._errors import report

            code = report(error)
        finally:
            gc.enable()
        sys.exit(code if isinstance(code, int) else 0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's own module."""
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", import_module(f"lineage_cli.{cmd_name}").command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and name the nearest one to a misspelt word."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table instead of asking each command for its help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _start_lean() -> None:
    """Save a tenth of the start: imports make no garbage, and pydantic need not search all packages for plugins.

    `Run.session` lets the collector work again, before anything is read.
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _open_closed_streams() -> None:
    """Let nobody's streams lead nowhere: Python has None for one that was closed before the start (`>&-`)."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - not imported at the start


@click.group(
    "lineage",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="LINEAGE_STORE, HF_ENDPOINT, HF_TOKEN and HF_HUB_CACHE are honoured. Start with: lineage demo",
)
@click.version_option(lineage.__version__, message="lineage %(version)s")
def main() -> None:
    """Tell where models come from, and whether their weights moved without a version.

    A model is written ORG/NAME or ORG/NAME@REVISION; a path starts with ".", "/" or "~".
    Exit codes: 0 clean, 1 findings, 2 something could not be done or checked.
    """
