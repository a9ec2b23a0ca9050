"""The answer to `lineage demo`: the main commands on models that come with the package."""

from __future__ import annotations

from lineage_schemas.answers.answer import Answer
from lineage_schemas.answers.audit import AuditAnswer
from lineage_schemas.answers.check import CheckAnswer
from lineage_schemas.answers.collect import CollectAnswer
from lineage_schemas.answers.trace import TraceAnswer


class DemoAnswer(Answer):
    """Hold the answers of the demo's five steps and the commands to try next.

    `trace` is of a merge, and `contradicted` of a model whose card names a parent that it was not made from. `audit` is
    of a product that uses these models, whose sources are in `product_folder`.
    """

    store: str
    hub_folder: str
    collected: CollectAnswer
    trace: TraceAnswer
    contradicted: TraceAnswer
    check: CheckAnswer
    product_folder: str
    audit: AuditAnswer
    next_commands: tuple[str, ...]
