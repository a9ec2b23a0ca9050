"""The rules about the models that a model descends from."""

from __future__ import annotations

from lineage.rules.rule import Rule

DESCENT_RULES = (
    Rule(
        id="LD001",
        name="licence-wider-than-ancestor",
        title="A licence permits more than that of an ancestor",
        severity="warning",
        stride=None,
        source="the terms of the licences (docs/licences.md)",
        meaning=(
            "The model declares a licence whose known terms permit what the licence of a model that it descends from "
            "does not permit, or do not require what that licence requires."
        ),
        example=(
            "A fine-tune under `apache-2.0` of a base under `cc-by-nc-4.0`: commercial use is not the child's to give."
        ),
        unless="Licences with the same terms, and terms that are not known: they are never called wider.",
        fix="Follow the narrower licence, and ask the publisher of the child to correct the card.",
        since="0.1.0",
    ),
)
