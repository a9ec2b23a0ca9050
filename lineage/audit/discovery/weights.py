"""Weights in a source tree: the folders and files that hold a model itself, not its name."""

from __future__ import annotations

from lineage.audit.discovery.tree import FoundWeights, Tree

MODEL_MARKS = ("model_index.json", "config.json", "adapter_config.json", "params.json", "modules.json")
"""Files that make the folder of weight files the folder of a model."""


def weights_in(tree: Tree) -> tuple[FoundWeights, ...]:
    """Return the weights of a tree, sorted: a folder where it is that of a model, else each file by itself.

    The parts of a pipeline belong to the folder that holds its `model_index.json` or `modules.json`. The folder of the
    tree itself is `.`.
    """
    from lineage.fingerprint.weight_files import is_weight_file

    found: dict[str, FoundWeights] = {}
    for file in tree.files:
        if is_weight_file(file):
            folder = _model_folder(tree, file)
            path = file if folder is None else folder or "."
            found[path] = FoundWeights(path, is_folder=folder is not None)
    return tuple(sorted(found.values()))


def _model_folder(tree: Tree, file: str) -> str | None:
    """Return the folder of the model that a weight file belongs to; None if the file stands alone."""
    folder = file.rpartition("/")[0]
    above = folder.rpartition("/")[0] if "/" in folder else ""
    for mark in ("model_index.json", "modules.json"):
        if folder and tree.exists(_inside(above, mark)):
            return above
    return folder if any(tree.exists(_inside(folder, mark)) for mark in MODEL_MARKS) else None


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
