"""Facets of every state for the tests of the text formats."""

from __future__ import annotations

from lineage_schemas.facet import FACETS, Facet, FacetChange, Unjudged
from lineage_schemas.pointer import Pointer
from tests.report.traces import commit


def facets() -> tuple[Facet, ...]:
    """Facets of every state: changed, changed with an unjudged part, unjudged, the same."""
    model = "lab/chat-7b"
    at = Pointer(model=model, revision=commit(2), file="config.json", field="vocab_size")
    tokens = Pointer(model=model, revision=commit(2), file="tokenizer.json", field="model.vocab")
    template = '"' + "{% for message in messages %}" * 8 + '"'
    changes = tuple(
        FacetChange(kind="changed", field=f"layer_{n}", before="1", after="2", pointer=at) for n in range(12)
    )
    found = {
        "architecture": Facet(name="architecture", state="changed", changes=changes, more_changes=3),
        "tokenizer": Facet(
            name="tokenizer", state="changed",
            changes=(FacetChange(kind="appended", field="vocabulary", before="32000", after="32048", pointer=tokens),),
            unjudged=(Unjudged(pointer=Pointer(model=model, file="spiece.model"), reason="its bytes | differ"),),
        ),
        "chat_template": Facet(
            name="chat_template", state="changed",
            changes=(FacetChange(kind="changed", field="default", before=template, after='"x"', pointer=at),),
        ),
        "licence": Facet(
            name="licence", state="changed",
            changes=(FacetChange(kind="added", field="license", after='"mit"', pointer=at),),
        ),
        "generation": Facet(
            name="generation", state="unjudged",
            unjudged=tuple(
                Unjudged(pointer=Pointer(model=model, file=f"part{n}/config.json"), reason="offline") for n in range(5)
            ),
        ),
    }  # fmt: skip
    return tuple(found.get(name) or Facet(name=name, state="same") for name in FACETS)
