"""A directory as a Hub (`--hub DIR`): models as folders, work trees, bare repositories and bundles."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from lineage.errors import ModelNotFoundError
from lineage.hub.interface import MAX_TEXT_BYTES, too_long
from lineage.hub.json_text import load_json
from lineage.hub.local.bundle import BundleCopies
from lineage.hub.local.file_hashes import FileHashes
from lineage.hub.local.hub import LocalHub, folder_name
from lineage.hub.local.plain_folder import PlainFolder
from lineage.hub.local.repository import LocalRepository
from lineage.hub.target import repository_id_problem
from lineage.progress import SILENT, Progress
from lineage.settings.environment import Settings

ALIASES_FILE = "aliases.json"

MAX_LOOKED_AT = 10_000
"""Files that are looked at to decide whether a folder is a model's."""

_MODEL_FILES = frozenset(
    {
        "README.md", "config.json", "model_index.json", "adapter_config.json", "mergekit_config.yml", "tokenizer.json",
        "tokenizer_config.json", "generation_config.json", "quantize_config.json",
        "quant_config.json", ".gitattributes",
    }
)  # fmt: skip

_WEIGHT_FILE = re.compile(
    r".+\.(safetensors|gguf|bin|pt|pth|ckpt|onnx|h5|msgpack|safetensors\.index\.json)", re.IGNORECASE
)


class DirectoryHub(LocalHub):
    """Read a directory that holds `org/name/`, `org/name.git/` and `org/name.bundle`, and bare names at its root.

    A folder is a plain model or a git work tree; `org/name.lfs/` holds the LFS objects of a bundle or a bare repository
    that has none of its own. `aliases.json` maps old names to new ones; a model that is there wins over an alias.
    Other files and folders are skipped: an organisation's folder may hold other things.
    """

    def __init__(self, folder: Path, settings: Settings, *, progress: Progress = SILENT) -> None:
        super().__init__(folder_name(folder), progress=progress)
        self.folder = folder.resolve()
        self._bundles = BundleCopies(settings.cache / "bundles", progress)
        self._aliases: dict[str, str] | None = None

    def canonical(self, model: str) -> str:
        """Follow aliases until there is a model; aliases that lead back to themselves name none."""
        seen: set[str] = set()
        name = model
        while name not in seen:
            seen.add(name)
            if self._opener(name) is not None:
                return self._as_written(name)
            name = self.aliases().get(name, name)
        raise ModelNotFoundError(f"{model} is not in {self.folder}", model=model, hint=self._hint(model))

    def spellings(self, model: str) -> set[str]:
        """List the ids and aliases that differ from a name in case only; only the folders that fit are looked into."""
        owner, slash, name = model.lower().rpartition("/")
        places = [self.folder]
        if slash:
            places = [entry for entry in _entries(self.folder) if entry.name.lower() == owner and entry.is_dir()]
        inside = ((place, _model_name(entry)) for place in places for entry in _entries(place))
        ids = {f"{place.name}/{found}" if slash else found for place, found in inside if found.lower() == name}
        old = {new for written, new in self.aliases().items() if written.lower() == model.lower()}
        return {found for found in ids | old if self._opener(found) is not None}

    def _as_written(self, model: str) -> str:
        """Give an id as its folder writes it: some file systems find a folder in any letter case."""
        place = self.folder / model
        swapped = place.with_name(place.name.swapcase())
        if swapped == place or not swapped.exists():
            return model
        written = self.spellings(model)
        return written.pop() if model not in written and len(written) == 1 else model

    def open_repository(self, model: str) -> LocalRepository:
        """Open a model by its id."""
        opener = self._opener(model)
        if opener is None:
            raise ModelNotFoundError(f"{model} is not in {self.folder}", model=model, hint=self._hint(model))
        return opener()

    def models(self) -> Iterator[str]:
        """List the ids of all models, in order."""
        found: set[str] = set()
        for place in _entries(self.folder):
            name = _model_name(place)
            if self._opener(name) is not None:
                found.add(name)
            elif place.is_dir():
                inside = (f"{place.name}/{_model_name(entry)}" for entry in _entries(place))
                found.update(name for name in inside if self._opener(name) is not None)
        return iter(sorted(found))

    def aliases(self) -> dict[str, str]:
        """Read `aliases.json`; entries that are not ids of models are skipped, and a broken file is reported."""
        if self._aliases is None:
            found: dict[str, str] = {}
            place = self.folder / ALIASES_FILE
            try:
                if os.path.lexists(place):
                    found = _read_aliases(_within_limit(place))
            except (OSError, ValueError, RecursionError) as error:
                self.progress.note(f"{place} cannot be read and is skipped: {error}")
            self._aliases = found
        return self._aliases

    def close(self) -> None:
        """Close repositories, and drop the copies of bundles that found no room in the cache."""
        super().close()
        self._bundles.close()

    def _opener(self, model: str) -> Callable[[], LocalRepository] | None:
        """Find how a model is kept here; None where it is not."""
        if repository_id_problem(model) is not None:
            return None
        place = self.folder / model
        bare, bundle, lfs = (place.with_name(place.name + end) for end in (".git", ".bundle", ".lfs"))
        if is_model_folder(place) or ("/" in model and has_adapters_inside(place)):
            return lambda: open_model_folder(place, model, self.hashes)
        if is_bare_repository(bare):
            return lambda: open_bare(bare, model, self.hashes, lfs)
        if os.path.lexists(bundle) and not bundle.is_dir():
            return lambda: self._bundles.open(bundle, model, self.hashes, lfs)
        return None

    def _hint(self, model: str) -> str:
        problem = repository_id_problem(model)
        return problem or "lineage reads org/name/, org/name.git/ and org/name.bundle in a directory"


def is_bare_repository(folder: Path) -> bool:
    """Return whether a folder is a repository without a work tree, by what is in it.

    What has the right name and is not a file counts too: it is refused when the repository is opened.
    """
    return all(os.path.lexists(folder / name) for name in ("HEAD", "objects", "refs"))


def is_model_folder(folder: Path) -> bool:
    """Return whether a folder holds a model: a repository, or at its top the name of a file that models have.

    What has such a name and is not a file is reported when the folder is read.
    """
    try:
        if not folder.is_dir():
            return False
        names = {entry.name for entry in folder.iterdir() if entry.name == ".git" or not entry.is_dir()}
    except OSError:
        return False
    return ".git" in names or not names.isdisjoint(_MODEL_FILES) or any(_WEIGHT_FILE.fullmatch(n) for n in names)


def has_adapters_inside(folder: Path) -> bool:
    """Say whether a folder holds adapters or GGUF files in its sub-folders, down to two below it.

    One folder for each language or quantisation is how people lay them out. Asked of `org/name` alone: at the root of a
    directory such a folder is an owner, and its sub-folders are models.
    """
    try:
        inside = (found for pattern in ("*/*", "*/*/*") for found in folder.glob(pattern))
        return any(
            found.name == "adapter_config.json" or found.suffix == ".gguf" for found in islice(inside, MAX_LOOKED_AT)
        )
    except OSError:
        return False


def open_model_folder(folder: Path, model: str, hashes: FileHashes, *, on_disk: bool = False) -> LocalRepository:
    """Open a folder: a work tree's history, a bare repository's, or the folder itself.

    With `on_disk` a work tree means the files on disk, and without it the commits of its repository.
    """
    folder = folder.resolve()
    if (folder / ".git").exists():
        from lineage.hub.local.git_folder import GitFolder
        from lineage.hub.local.work_tree import WorkTree

        git_dir = folder / ".git"
        lfs = () if git_dir.is_file() else (git_dir / "lfs" / "objects",)
        repository = GitFolder(git_dir, model, hashes, work_tree=folder, lfs=lfs)
        return WorkTree(folder, model, hashes, repository) if on_disk else repository
    if is_bare_repository(folder):
        return open_bare(folder, model, hashes, folder.with_suffix(".lfs"))
    return PlainFolder(folder, model, hashes)


def open_bare(folder: Path, model: str, hashes: FileHashes, lfs: Path) -> LocalRepository:
    """Open a bare repository with its own LFS objects, or those in the folder beside it."""
    from lineage.hub.local.git_folder import GitFolder

    return GitFolder(folder, model, hashes, lfs=(folder / "lfs" / "objects", lfs))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return []


def _model_name(place: Path) -> str:
    """Name the model that an entry of a folder may be; never the `.lfs` beside one."""
    return re.sub(r"\.(git|bundle)$", "", place.name)


def _within_limit(place: Path) -> bytes:
    """Read a file whole. Raises OSError, and ValueError if it is not a file, or longer than any text that is read."""
    size = place.stat().st_size
    if not place.is_file():
        raise ValueError("it is not a regular file")
    if size > MAX_TEXT_BYTES:
        raise ValueError(too_long(size))
    return place.read_bytes()


def _read_aliases(data: bytes) -> dict[str, str]:
    aliases = load_json(data)
    if not isinstance(aliases, dict):
        raise ValueError("it is not a JSON object")
    named = ((old, new) for old, new in aliases.items() if isinstance(new, str))
    return {old: new for old, new in named if repository_id_problem(old) is None and repository_id_problem(new) is None}
