"""Weights in a source tree: the folders and files that hold a model itself, not its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import MODEL_MARKS, FoundWeights, Tree

MAX_NAMED = 200
"""Ignored weights whose paths are looked for in the texts."""

PROSE = (".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc", "ignore", ".gitattributes")
"""How the names of texts end that load nothing."""

_FOLDER = re.compile(r"(?i)(?:path|join|dir|folder|root)\w*[\"']?\s*[=:(,][^\n]*$")
"""What stands in front of a word that means a folder: `Path("models")`, `MODELS_DIR = "models"`."""

_LITERAL = re.compile(r"[\"']\)?\s*[,/]\s*[\"']")
"""What joins a quoted folder to a quoted name."""


def weights_in(tree: Tree) -> tuple[FoundWeights, ...]:
    """Return the weights of a tree, sorted: a folder where it is that of a model, else each file by itself.

    The parts of a pipeline belong to the folder that holds its `model_index.json` or `modules.json`. The folder of the
    tree itself is `.`. Weights that a .gitignore excludes are among them if a text of the tree names their path, or a
    folder in which they are: the product loads them all the same.
    """
    from lineage.fingerprint.weight_files import is_weight_file

    found = {each.path: each for each in _grouped(tree, filter(is_weight_file, tree.files))}
    ignored = list(islice(_grouped(tree, filter(is_weight_file, tree.ignored)), MAX_NAMED + 1))
    if len(ignored) > MAX_NAMED:
        reason = f"more than {MAX_NAMED} ignored weights are here; whether a text names the others was not looked for"
        tree.report(ignored.pop().path, reason, "too_many")
    if ignored:
        names = _Names([each.path for each in ignored])
        for text in tree.texts():
            names.read(text)
        found |= {each.path: each for each in ignored if names.is_named(each.path)}
    return tuple(sorted(found.values()))


def _grouped(tree: Tree, files: Iterable[str]) -> Iterator[FoundWeights]:
    """Return each weight file, or once for all of them the folder of the model that they belong to."""
    seen = set()
    for file in files:
        folder = _model_folder(tree, file)
        path = file if folder is None else folder or "."
        if path not in seen:
            seen.add(path)
            yield FoundWeights(path, is_folder=folder is not None)


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


class _Names:
    """Look in texts for the paths of files and folders.

    A path counts as named where it stands with its folder (`models/x`, `./x`, `/app/models/x`), where its last part is
    quoted and the text has the names of its folders too (`DATA / "models" / "x"`), and a folder also where a slash
    follows it (`models/`) or where a path is made of it (`Path("models")`).
    """

    def __init__(self, paths: Collection[str]) -> None:
        self._named: set[str] = set()
        self._weights = set(paths)
        self._by_last: dict[str, set[str]] = {}
        for path in paths:
            for each in (path, *_above(path)):
                self._by_last.setdefault(each.rpartition("/")[2], set()).add(each)
        last = "|".join(sorted(map(re.escape, self._by_last), key=len, reverse=True))
        self._pattern = re.compile(
            rf"(?<![\w.@+/-])(?P<before>(?:[\w.@+-]*/)*)(?P<last>{last})(?P<after>/?)(?![\w@+-])"
        )

    def is_named(self, path: str) -> bool:
        """Return whether a text names a path, or a folder above it."""
        return any(each in self._named for each in (path, *_above(path)))

    def read(self, text: Text) -> None:
        """Note the paths that a text names."""
        if text.file.lower().endswith(PROSE):
            return
        words: dict[str, bool] = {}
        for match in self._pattern.finditer(text.body):
            waiting = self._by_last[match["last"]] - self._named
            self._named |= {path for path in waiting if self._means(path, match, text, words)}

    def _means(self, path: str, match: re.Match[str], text: Text, words: dict[str, bool]) -> bool:
        """Return whether a name in a text means a path that ends with it; `words` are those that were looked for."""
        folders = path.split("/")[:-1]
        before = [part for part in match["before"].split("/") if part not in ("", ".", "..")]
        if before:
            shared = min(len(before), len(folders))
            return before[-shared:] == folders[-shared:] if shared else True
        if match["before"] or match["after"]:
            return not folders or folders == text.file.split("/")[:-1]
        if text.body[match.start() - 1 : match.start()] not in ("'", '"', "`"):
            return False
        if folders:
            for each in folders:
                if each not in words:
                    words[each] = re.search(rf"(?<!\w){re.escape(each)}(?!\w)", text.body) is not None
            return all(words[each] for each in folders)
        if path in self._weights:
            return True
        is_folder = _FOLDER.search(text.body, max(match.start() - 80, 0), match.start()) is not None
        return is_folder and _LITERAL.match(text.body, match.end()) is None  # else that literal says what is loaded


def _above(path: str) -> Iterator[str]:
    """Return the folders that a path is in."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
