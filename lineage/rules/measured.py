"""The kinds of evidence about two models that are measured on their weights: `lineage compare` applies them.

The code is in `lineage.derivation`; the texts are Markdown. "Strips", "squares" and "vectors" are the tiles of a sketch
(docs/reference/digests.md).
"""

from __future__ import annotations

from lineage.rules.rule import EvidenceRule

MEASURED_RULES = (
    EvidenceRule(
        id="content.weights",
        reads="the weights digests, or the digests of the files where not all bytes were read",
        finds="the same weights, in whatever files; proves `same_weights`",
        example="a model and its copy in four shards",
    ),
    EvidenceRule(
        id="content.renamed",
        reads="the content digests, which leave out the names of tensors",
        finds="the same weights under other names; proves `same_weights`",
        example="`transformer.h.0…` instead of `h.0…`",
    ),
    EvidenceRule(
        id="content.tensors",
        reads="the digest of each tensor with two or more dimensions; vectors do not count, as fresh ones are equal",
        finds="the share of the smaller side's matrices that the other has, byte for byte; alone it decides nothing",
        example="28 of 38 where only the last layer was trained",
    ),
    EvidenceRule(
        id="content.component",
        reads="the content digests of the weight groups in folders (`text_encoder/`), and of the main groups",
        finds="a component that both have. Neutral: two pipelines with one text encoder are not made from each other",
        example="two diffusion pipelines with the text encoder of CLIP",
    ),
    EvidenceRule(
        id="structure.architecture",
        reads="the architecture signatures: normalised names and shapes",
        finds="equal or different architectures. Always neutral: most models of one configuration are unrelated",
        example="1.0 for two models that were trained from different seeds",
    ),
    EvidenceRule(
        id="structure.vocabulary",
        reads="the rows of the embedding",
        finds="of two related models, that the one with more rows had tokens added (`vocab_extended`)",
        example="2,048 tokens against 2,000",
    ),
    EvidenceRule(
        id="structure.layers",
        reads="the number of layers, and which of them have matching values",
        finds="layers that were removed (`layer_dropped`) or repeated (`stack`)",
        example="3 layers against 4, which match in order",
    ),
    EvidenceRule(
        id="structure.shapes",
        reads="names and shapes of all matrices, where no values lie at the same places and all are plain floats",
        finds="that two models have neither a name nor a shape in common, so that they are unrelated",
        example="a text encoder and a convolutional network; not two sizes of one architecture, which share names",
    ),
    EvidenceRule(
        id="structure.adapter_fits",
        reads="the shapes of a LoRA's A and B, and of the matrices that they would change",
        finds="that an adapter cannot belong to a model. Shapes that fit prove nothing",
        example="a LoRA for 4,096 columns and a model with 2,048",
    ),
    EvidenceRule(
        id="numeric.cosine",
        reads="the strips of matrices with the same normalised name",
        finds=(
            "the median of their cosines: related from 0.3, unclear from 0.1. Measured: 0.79 and more for related "
            "models, 0.02 and less for unrelated ones"
        ),
        example="0.98 for a fine-tune, 0.001 for another seed",
    ),
    EvidenceRule(
        id="numeric.cosine_by_content",
        reads="strips of one shape, whatever their names",
        finds="the median of each strip's greatest cosine, for models whose names do not match",
        example="1.0 for a fine-tune with other names",
    ),
    EvidenceRule(
        id="numeric.layers",
        reads="the strips of each layer, against those of every layer of the other",
        finds="the median cosine of each layer with the layer that is most similar to it",
        example="0.999 where a layer was removed and the next ones moved up",
    ),
    EvidenceRule(
        id="numeric.rounded",
        reads="all sampled values, rounded to BF16 and to F16",
        finds=(
            "that one model is the other in another dtype (`cast`), and which one was rounded. Proves `derived` from "
            "99.9 % of the values"
        ),
        example="100 % of the values of a BF16 copy; 2 to 80 % for relatives of the parent",
    ),
    EvidenceRule(
        id="numeric.narrow_values",
        reads="all sampled values, rounded to BF16 and to F16",
        finds="that all values of one side fit a narrow dtype: the wider model was not made from it by a cast. Neutral",
        example="an F32 file whose values are all exact in BF16",
    ),
    EvidenceRule(
        id="numeric.requantised",
        reads="the codes of a quantised side; the other side's values are quantised again in that form",
        finds=(
            "the parent of a quantised model, or a near-twin of it, by the class of the "
            "format (docs/reference/formats.md): proves `derived` where the share is that of the "
            "parent of an exact format, is against it below that of measured relatives, and unchecked between the two "
            "and for formats that were not measured"
        ),
        example="Quanto int2: 100 % for the parent, 98 % for a sibling, which is neither for nor against",
    ),
    EvidenceRule(
        id="numeric.common_parent",
        reads="the values or codes of A and B, and the values of each model named with `--with`",
        finds="a third model of which both are casts or quantisations, by `numeric.rounded` or `numeric.requantised`",
        example="a GPTQ and a GGUF version of one model",
    ),
    EvidenceRule(
        id="numeric.equal_values",
        reads="the strips",
        finds=(
            "matrices that were frozen while others were trained (`partial`), where both sides are plain floats or "
            "quantised in the same way"
        ),
        example="21 of 29 sampled matrices",
    ),
    EvidenceRule(
        id="numeric.zeros",
        reads="the zeros in strips of layers, and whether the other values are those of the other model",
        finds=(
            "a pruned model (`pruned`), and the pattern of 2 zeros in every 4. Proves `derived` if 99 % of the other "
            "values are equal"
        ),
        example="50 % zeros against 0 %",
    ),
    EvidenceRule(
        id="numeric.low_rank",
        reads="the singular values of the difference of squares of q, v and up",
        finds=(
            "a LoRA that was merged, with its rank (`lora_merge`), without a direction. Two models with a LoRA each "
            "merged into one base differ by a low rank too"
        ),
        example="singular values that fall by 45 after the eighth; by at most 3 for other children",
    ),
    EvidenceRule(
        id="numeric.merge_fit",
        reads="the strips of A, B and the other parents named with `--with`",
        finds=(
            "the share of each parent in a merge (`linear`, `slerp`, `task_arithmetic`). Proves `derived` if at most "
            "2 % are left, at most half of what the nearest single parent leaves, and no share is below zero"
        ),
        example="one 0.60, another 0.40, residual 0.0004",
    ),
    EvidenceRule(
        id="numeric.adapter_applied",
        reads="squares of the merged model, the base and the adapter, with the adapter's scale",
        finds="that merged = base + scale·B·A; proves the base of the adapter and the merge (`lora_merge`)",
        example="0.008 of the adapter's length is left with the true base, 0.2 and more with relatives",
    ),
    EvidenceRule(
        id="family.nearest",
        reads="the distances of all models of a family, and the model that the others name as their root",
        finds=(
            "the parent of a model that no exact rule explains: the nearest model on the way to the root, or a "
            "declared parent with no nearer ancestor. The number is the distance"
        ),
        example="0.09 to the parent, 0.17 to the root",
    ),
    EvidenceRule(
        id="family.nearer_ancestor",
        reads="the same distances",
        finds=(
            "that a model comes from the declared parent over another model, which is nearer: an edge is `indirect`. "
            "The number is the nearer distance as a share of the declared one; it counts from 0.9 down"
        ),
        example="0.55: a grandparent on the card",
    ),
    EvidenceRule(
        id="family.relative",
        reads="the same distances",
        finds="that the declared parent is a relative which the model does not come from: the edge is `contradicted`",
        example="a sibling on the card",
    ),
    EvidenceRule(
        id="family.descendant",
        reads="the edges of the family",
        finds="that the declared parent was made from this model: the edge is `contradicted`",
        example="a base that names its own fine-tune as its base",
    ),
    EvidenceRule(
        id="family.others",
        reads="what exact rules explain",
        finds="that other models explain all values of this one: the declared parent has no part in it",
        example="a merge of A and B whose card names A and C; an adapter of A whose card names B",
    ),
)

FAMILIES_OF_RULES = ("content.", "structure.", "numeric.", "family.")


def is_measured(rule: str) -> bool:
    """Return whether a rule of evidence is about weights: what it finds follows from them, and no file declares it."""
    return rule.startswith(FAMILIES_OF_RULES)
