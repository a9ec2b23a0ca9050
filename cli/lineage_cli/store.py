"""`lineage store`: describe, check, copy, export and import the store, and delete models from it."""

from __future__ import annotations

import click

from lineage_cli.store_commands.looking import check, forget, info, rederive
from lineage_cli.store_commands.moving import copy, export, import_


@click.group("store")
def command() -> None:
    """Inspect, copy, back up or delete from the store."""


for each in (info, check, copy, export, import_, rederive, forget):
    command.add_command(each)
