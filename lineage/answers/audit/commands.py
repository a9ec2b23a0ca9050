"""Commands that decide what is unchecked, for models of other Hubs: with the `--hub` that reads them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lineage_schemas.ids import split_model_key

if TYPE_CHECKING:
    from lineage.answers.audit.used import Used
    from lineage.answers.session import Session

_COMMAND = re.compile(r"lineage (?:collect|compare|check|fingerprint|history|lock|suggest|trace|verify) ")


def selectors_of(session: Session, used: list[Used]) -> dict[str, str | None]:
    """Return what `--hub` takes for each Hub of the used models but the session's own, by the Hub's name."""
    hubs = {each.session.hub.name: each.session.hub_selector for each in used if each.session is not session}
    return {name: selector for name, selector in hubs.items() if name != session.hub.name}


def runnable(command: str | None, selectors: Mapping[str, str | None], own: str | None = None) -> str | None:
    """Rewrite a command with models of another Hub so that it runs: bare ids, and the Hub that has them.

    `own` is what `--hub` was for this run: a command without it would ask another Hub. A Hub that this product does not
    name is one of an earlier run: the command then shows what to put in. Models of two Hubs cannot be in one command,
    so that a comparison of them is left out.
    """
    if command is None or not _COMMAND.match(command):
        return command
    words = command.split(" ")
    with_own = command if own is None else f"{command} --hub {shlex.quote(own)}"
    if words[1] == "verify":  # its first argument is a path
        return with_own
    hubs = {_hub_of(word) for word in words[2:] if "/" in word and not word.startswith("-")}
    if hubs <= {None}:
        return with_own
    if len(hubs) > 1:
        return None
    (hub,) = hubs
    assert hub is not None
    selector = selectors.get(hub)
    bare = " ".join(word.removeprefix(f"{hub}:") for word in words)
    if words[1] == "lock":  # it reads the Hub from the project file
        return bare if own is None else f"{bare} --hub {shlex.quote(own)}"
    if selector is None and hub.startswith("dir-"):
        return f"{bare} --hub FOLDER, the folder of {hub}"
    if selector is None:
        return f"HF_ENDPOINT=https://{hub} {bare}"
    return f"{bare} --hub {shlex.quote(selector)}"


def _hub_of(word: str) -> str | None:
    """Return the Hub that an id carries as its prefix; None for one of the session's own Hub."""
    if ":" not in word.partition("/")[0]:
        return None
    return split_model_key(word.partition("@")[0])[0]
