"""Parts of a suggestion alone, for a shell or an editor: the commands, and the block of the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.report.text import visible

if TYPE_CHECKING:
    from lineage_schemas.answers.suggest import SuggestAnswer


def commands(answer: SuggestAnswer) -> str:
    """Write the commands that publish the version, one a line; nothing if there is nothing to publish."""
    return "".join(f"{visible(each)}\n" for each in answer.commands)


def card(answer: SuggestAnswer) -> str:
    """Write the block of the card as YAML."""
    return "".join(f"{visible(each)}\n" for each in (answer.card or "").splitlines())
