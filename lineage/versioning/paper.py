"""The study's recount: which share of file changes touches model files (docs/concepts.md explains its limits)."""

from __future__ import annotations

from collections.abc import Iterable

from lineage.fingerprint.weight_files import model_file_by_study
from lineage.versioning.words import STUDY_NAME_VERSION
from lineage_schemas.answers.check import PaperDefinition
from lineage_schemas.history import Commit


def paper_definition(model_id: str, commits: Iterable[Commit], first_upload: Iterable[str]) -> PaperDefinition:
    """Count (file, commit) pairs as the study of 52,227 models did, first uploads included.

    `first_upload` are the commits of the push that brought the first weights: a version in the name (the study's
    own pattern, at its end) announces their model files, and no later ones.
    """
    every, model_files, announced = 0, 0, 0
    named = STUDY_NAME_VERSION.search(model_id.rpartition("/")[2]) is not None
    first = set(first_upload) if named else set()
    for commit in commits:
        touched = [model_file_by_study(change.path) for change in commit.changes or ()]
        every += len(touched)
        model_files += sum(touched)
        announced += sum(touched) if commit.id in first else 0
    return PaperDefinition(
        model_file_changes=model_files,
        all_file_changes=every,
        share=model_files / every if every else None,
        not_in_name=model_files - announced,
    )
