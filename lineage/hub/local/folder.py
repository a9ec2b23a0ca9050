"""A single model folder as a Hub of one model, for targets that are paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lineage.errors import InputError, ModelNotFoundError
from lineage.hub.lfs import belongs_in_lfs
from lineage.hub.local.bundle import BundleCopies
from lineage.hub.local.directory import MAX_LOOKED_AT, is_bare_repository, open_model_folder
from lineage.hub.local.hub import LocalHub, folder_name, named_after
from lineage.hub.local.plain_folder import link_root
from lineage.hub.local.repository import LocalRepository
from lineage.hub.revisions import is_commit_id
from lineage.hub.target import repository_id_problem
from lineage.progress import SILENT, Progress
from lineage.settings.environment import Settings
from lineage_schemas.ids import split_model_key

MODEL_FILES = frozenset(
    {"README.md", "config.json", "adapter_config.json", "model_index.json", "mergekit_config.yml", "tokenizer.json"}
)

_ONE_MODEL = "name the folder of one model; a folder of org/name folders is given with --hub"

_FETCH_IT = "fetch the file that it leads to (`hf download` for the cache of the Hub's client, `git annex get`)"


class FolderHub(LocalHub):
    """Read one folder, work tree, bare repository or bundle; `model` is the only id there is.

    The id is made of the folder's name. In the Hub client's cache it is the name of the model that the snapshot is of.
    With `on_disk` a work tree means its files on disk, and without it the commits of its repository.
    """

    is_single_folder = True

    def __init__(self, folder: Path, settings: Settings, *, on_disk: bool = False, progress: Progress = SILENT) -> None:
        super().__init__(folder_name(folder), progress=progress)
        self.folder = folder
        self._on_disk = on_disk
        self.model = model_id(folder.resolve())
        self._bundles = BundleCopies(settings.cache / "bundles", progress)

    def canonical(self, model: str) -> str:
        """Accept the one id, in any letter case."""
        if model.lower() != self.model.lower():
            raise ModelNotFoundError(f"{self.folder} is one model, {self.model}, and not {model}", model=model)
        return self.model

    def open_repository(self, model: str) -> LocalRepository:
        """Open the folder, whatever it is."""
        if self.folder.is_file():
            return self._bundles.open(self.folder, self.canonical(model), self.hashes, self.folder.with_suffix(".lfs"))
        return open_model_folder(self.folder, self.canonical(model), self.hashes, on_disk=self._on_disk)

    def models(self) -> Iterator[str]:
        """List the one id."""
        return iter([self.model])

    def close(self) -> None:
        """Close the repository."""
        super().close()
        self._bundles.close()


def open_folder(path: Path, settings: Settings, *, on_disk: bool = False, progress: Progress = SILENT) -> FolderHub:
    """Open a model folder, or a bundle. Raises InputError where there is none, or nothing of a model in it."""
    if path.is_dir():
        _refuse_everything(path)
    if (path.is_dir() and holds_a_model(path)) or (path.is_file() and path.suffix == ".bundle"):
        return FolderHub(path, settings, on_disk=on_disk, progress=progress)
    if path.is_dir():
        raise InputError(
            f"{path} is not a model: it has no card, config, weight file or git repository",
            hint=_ONE_MODEL,
        )
    if path.exists():
        raise InputError(f"{path} is not a folder", hint="name the folder of a model, or a git bundle")
    if path.is_symlink():
        raise InputError(f"{path} is a symbolic link to {path.readlink()}, which does not exist", hint=_FETCH_IT)
    raise InputError(f"{path} does not exist", hint="a path starts with ./, / or ~; a model is written org/name")


def _refuse_everything(path: Path) -> None:
    """Reject the root of the machine and a home folder, unless they are a model themselves."""
    folder = path.resolve()
    home = Path("~").expanduser() if "HOME" in os.environ else None
    if folder == Path(folder.anchor):
        kind = "the root of this machine"
    elif home is not None and folder == home.resolve() and not (folder / ".git").exists():
        kind = "your home folder"
    else:
        return
    if not any(found.name in MODEL_FILES or belongs_in_lfs(found.name, 0) for found in _directly_in(folder)):
        raise InputError(f"{path} is {kind}: it is not one model, and nothing was read", hint=_ONE_MODEL)


def _directly_in(folder: Path) -> list[Path]:
    """List the files of a folder, none where it cannot be read."""
    try:
        return [found for found in islice(folder.iterdir(), MAX_LOOKED_AT) if found.is_file()]
    except OSError:
        return []


def holds_a_model(folder: Path) -> bool:
    """Return whether a folder, or a folder in it, has a file that only models have, or is a git repository."""
    if (folder / ".git").exists() or is_bare_repository(folder) or (folder / "HEAD").is_file():
        return True
    try:
        inside = list(islice((found for pattern in ("*", "*/*") for found in folder.glob(pattern)), MAX_LOOKED_AT))
    except OSError:
        return True  # the Hub reports what cannot be read, file by file
    return any(found.name in MODEL_FILES or belongs_in_lfs(found.name, 0) for found in inside)


def looks_like_a_single_folder(key: str) -> bool:
    """Return whether a model's key is of the form that a FolderHub makes: a folder that was named by its path.

    Such a Hub has the folder's name, and so does its model. The model in a snapshot folder of the Hub client's
    cache is named after a folder above it, which can have any name: the Hub's name is a commit there. A folder in a
    directory of models may have a key of this form too, so this only decides for models of stores of schema 1, where
    `Model.single_folder` is null.
    """
    hub, model = split_model_key(key)
    name = named_after(hub)
    return name is not None and (is_commit_id(name) or model == model_id(Path("/", name)))


def model_id(folder: Path) -> str:
    """Make a valid repository id out of a folder's name."""
    root = link_root(folder)
    name = root.name.removeprefix("models--").replace("--", "/") if root != folder else folder.name
    name = re.sub(r"\.(git|bundle)$", "", name)
    if repository_id_problem(name) is None:
        return name
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    name = re.sub(r"([-.])[-.]+", r"\1", name)[:96].strip("-.")
    return name if repository_id_problem(name) is None else "model"
