"""The answer to `lineage demo`: the main commands on models that come with the package."""

from __future__ import annotations

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.collect import CollectAnswer
from lineage_schemas.answers.trace import TraceAnswer


class DemoAnswer(Answer):
    """Hold the answers of the demo's three steps and the commands to try next."""

    store: str
    hub_folder: str
    collected: CollectAnswer
    trace: TraceAnswer
    check: CheckAnswer
    next_commands: tuple[str, ...]
