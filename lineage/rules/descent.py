"""The rules about the models that a model descends from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.rules.rule import Rule

if TYPE_CHECKING:
    from lineage_schemas.answers.finding import Severity, Stride

MEASURED = "the weights of the family (docs/evidence.md)"
DATES = "the dates of the commits that brought the first weights"


def _rule(
    code: str, name: str, title: str, severity: Severity, stride: Stride | None, meaning: str, example: str,
    unless: str, fix: str, source: str = MEASURED,
) -> Rule:  # fmt: skip
    """Make a rule about edges that were measured."""
    return Rule(code, name, title, severity, stride, source, meaning, example, unless, fix, "0.1.0")


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
    _rule(
        "LD002",
        "declared-parent-unrelated",
        "The declared parent shares no weights",
        "error",
        "spoofing",
        "The card or a file names a parent, with a relation that keeps its weights, and the weights of the two models "
        "are not related: another architecture, or the same one trained from another start.",
        "A card says `base_model_relation: finetune` of a model of another seed.",
        "A parent that is declared without a relation (`shares-no-weights`), and one whose weights were not compared, "
        "or whose earlier weights may be meant.",
        "Do not rely on the card: licence, safety tests and results of that parent do not apply. Ask the publisher.",
    ),
    _rule(
        "LD003",
        "shares-no-weights",
        "A parent without a relation is foreign",
        "info",
        None,
        "The card names a parent and no relation, and the weights are not related. The model may be distilled from it, "
        "or trained on its outputs: weights cannot show that.",
        "A small student model whose card names its teacher as `base_model`.",
        "A parent with a declared relation (`declared-parent-unrelated`).",
        "Ask the publisher for the relation; for distillation, read the licence of the teacher's outputs.",
    ),
    _rule(
        "LD004",
        "undeclared-parent",
        "A parent that nothing names",
        "warning",
        "repudiation",
        "The weights show a parent that neither the card nor a file of the model names.",
        "A quantised upload without a card: 99.95 % of its codes return when the base is quantised again.",
        "Equal weights (`copy-without-credit`), and relatives whose direction is not known: they are `related`.",
        "Read licence and changes of the parent that was found, and ask the publisher to name it in the card.",
    ),
    _rule(
        "LD005",
        "wrong-relation",
        "The card names another relation",
        "warning",
        None,
        "The declared parent is right, and the model was made from it in another way than the card says.",
        "A GPTQ model, a merge or an unchanged copy whose card says `finetune`.",
        "A LoRA that was merged into its base and is filed as a fine-tune, and a model in another dtype that is filed "
        "as quantised: both are usual words for it.",
        "Correct `base_model_relation` in the card; the message names the relation that was measured.",
    ),
    _rule(
        "LD006",
        "copy-without-credit",
        "A copy of a model that nothing names",
        "warning",
        "repudiation",
        "The weights are equal to those of another model, and neither the card nor a file names it.",
        "A re-upload under another organisation, in other shards or under other tensor names.",
        "A copy that names its original, and two models of which neither is known to be the original.",
        "Use the original, whose publisher answers for it, or ask the publisher of the copy to name it.",
    ),
    _rule(
        "LD007",
        "relative-declared-as-parent",
        "The declared parent is a sibling or a relative",
        "warning",
        None,
        "The declared parent is related, and the model does not come from it: both come from a third model.",
        "A card names another fine-tune of the same base.",
        "An ancestor (`grandparent-declared-as-parent`) and a descendant (`child-declared-as-parent`).",
        "Ask the publisher to name the parent in the card; results of the relative do not apply to the model.",
    ),
    _rule(
        "LD008",
        "grandparent-declared-as-parent",
        "A nearer ancestor is known",
        "info",
        None,
        "The model comes from the declared parent over another model, which is nearer by its weights.",
        "A fine-tune of a chat model whose card names the base of the chat model.",
        "A nearer model at more than 0.9 of the declared distance, and a model that declares several parents.",
        "Name the nearer model in the card. Its licence and its changes matter too.",
    ),
    _rule(
        "LD009",
        "child-declared-as-parent",
        "The declared parent was made from it",
        "warning",
        None,
        "The declared edge points the wrong way: the model that is named as parent comes from this one.",
        "A base whose card names its own fine-tune as `base_model`.",
        "Two related models without a known direction.",
        "Turn the declaration round: the child names the parent.",
    ),
    _rule(
        "LD010",
        "other-parents-explain-it",
        "Other models explain all of the weights",
        "warning",
        None,
        "A merge, an adapter or a quantised model is explained in full by other models: the declared one has no part.",
        "A merge of A and B whose card names A and C; an adapter of A whose card names B.",
        "A merge by a method that cannot be measured (TIES, DARE).",
        "Correct the parents in the card and the recipe; the message names those that were found.",
    ),
    _rule(
        "LD011",
        "parent-newer-than-child",
        "The parent is newer than the model",
        "warning",
        None,
        "The first weights of the parent were committed more than a day after the first ones of the model, so that the "
        "model cannot be made from what the parent's repository holds.",
        "A base that was uploaded again under this name a year after its fine-tunes.",
        "Plain folders, which have no dates; a parent whose history begins later than its repository.",
        "Find where the parent was before: its card, an older repository, a renamed organisation.",
        DATES,
    ),
    _rule(
        "LD012",
        "base-moved-on",
        "The parent's weights changed after it was built",
        "warning",
        None,
        "The default branch of the parent has weight changes that count after the revision that the model was built "
        "on: the declared revision, else the last one before the model's first weights, which the message then calls "
        "inferred. Adapters break first: they add to weights that are no longer there (MUSCLE).",
        "A LoRA of a base that was retrained under the same name a month later.",
        "A parent whose changes do not count (other formats, renamed files), and a revision that is not known.",
        "Pin the parent's revision; `lineage impact PARENT` lists what else is built on it.",
        "MUSCLE (docs/concepts.md), and the changes of the parent's default branch",
    ),
)
