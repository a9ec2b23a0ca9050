"""The categories of commits: where each name comes from, and the phase of CRISP-DM that it belongs to.

The names are those of "How do Machine Learning Models Change?" (arXiv 2411.09645) that could be confirmed, and of the
taxonomy that it extends (Bhatia et al., EMSE 2023). The study's definitions were not available: what each category
holds here, and its phase, are our reading. `Pipeline Performance` and `Data` of the taxonomy are left out, because
files and titles do not show them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from lineage_schemas.commit_class import CommitCategory, Phase

Source = Literal["the study", "the study's first version", "the taxonomy that the study extends", "ours"]


class Category(NamedTuple):
    """One category: where its name comes from, its phase, and what it holds here."""

    source: Source
    phase: Phase | None
    holds: str


CATEGORIES: dict[CommitCategory, Category] = {
    "Input Data": Category("the taxonomy that the study extends", "Data Preparation", "data sets and samples"),
    "Pre-processing": Category(
        "the study's first version", "Data Preparation", "tokenizers, processors and chat templates"
    ),
    "Parameter Tuning": Category(
        "the study's first version", "Modeling", "generation defaults and settings of quantisation"
    ),
    "Model Structure": Category("the study's first version", "Modeling", "configs and code of the network"),
    "Training Infrastructure": Category("the study's first version", "Modeling", "training scripts and arguments"),
    "Validation Infrastructure": Category(
        "the taxonomy that the study extends", "Evaluation", "evaluation scripts and their results"
    ),
    "Output Data": Category("the study", "Modeling", "weights, checkpoints and logs: what training produces"),
    "Sharing": Category("the study", "Deployment", "uploads of whole folders, and duplicates"),
    "Project Metadata": Category("the study", "Deployment", "metadata of the card, licences and git's attributes"),
    "External Documentation": Category("the study", "Deployment", "texts of cards, documents and pictures"),
    "Dependency Management": Category(
        "the taxonomy that the study extends", "Deployment", "required packages and their versions"
    ),
    "Code and Deployment": Category("ours", "Deployment", "applications, servers, workflows and containers"),
    "Unknown": Category("the study", None, "no file changed, or files that decide nothing"),
}
