"""`lineage store`: what the store holds, moving it elsewhere, and making it forget."""

from __future__ import annotations

import click

from lineage_cli.store.looking import check, forget, info
from lineage_cli.store.moving import copy, export, import_


@click.group("store")
def command() -> None:
    """Look after the store."""


for each in (info, check, copy, export, import_, forget):
    command.add_command(each)
