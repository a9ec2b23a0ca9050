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
    "demo": "Run the main commands on models that come with the package, offline.",
    "collect": "Read models from the Hub into the store, with their ancestors.",
    "trace": "Show where a model comes from, or which models are built on it.",
    "impact": "Show which models stand on a model and are hit by changes of its weights.",
    "history": "Write the release notes of a model: what each push changed in its weights and behaviour.",
    "check": "Find weight changes that no version or note announced.",
    "audit": "Find the models that a source tree uses, and what is wrong with them.",
    "diff": "Compare two revisions or two models.",
    "suggest": "Suggest the version that an update of a model deserves.",
    "compare": "Compare two models by their weights.",
    "fingerprint": "Compute the digests of weights in a file, a folder or a model.",
    "compat": "Measure what a new version answers wrong where the old one was right.",
    "verify": "Check whether local weights are those of a model.",
    "lock": "Pin the models that a source tree uses to commits, or check that they are pinned.",
    "name": "Read the names of models: their segments, their version, and which parts are missing.",
    "rules": "List all rules, or explain one.",
    "store": "Inspect, copy, back up or delete from the store.",
}
"""Commands in the order of first use, with their short help texts, so that `--help` imports none of them."""


class LazyGroup(click.Group):
    """Import a command only when it is run, so that `--help` loads neither pydantic nor the Hub client."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit; every error is reported as a message, never as a traceback."""
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
        """Find the command; for a misspelt name, suggest the nearest one."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _start_lean() -> None:
    """Save a tenth of the start-up time: imports make no garbage, and pydantic need not search for plugins.

    `Run.session` enables garbage collection again before anything is read.
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _open_closed_streams() -> None:
    """Replace closed standard streams with /dev/null: Python sets them to None (`lineage >&-`)."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - not imported at the start


@click.group(
    "lineage",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Environment: LINEAGE_STORE, HF_ENDPOINT, HF_TOKEN and HF_HUB_CACHE. Start with: lineage demo",
)
@click.version_option(lineage.__version__, message="lineage %(version)s")
def main() -> None:
    """Show where models come from, and find weight changes without a version.

    A model is written ORG/NAME or ORG/NAME@REVISION; a path starts with ".", "/" or "~".
    Exit codes: 0 clean, 1 findings, 2 something could not be done or checked.
    """
