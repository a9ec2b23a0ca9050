"""The files beside an .onnx file that hold its tensors: the .onnx file names them, and any name will do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from posixpath import normpath

from lineage.fingerprint.draft import Draft
from lineage.fingerprint.header_reader import HeaderReader
from lineage.fingerprint.weight_files import is_training_state, is_weight_file
from lineage_schemas.file import FileEntry

LEAST_BYTES = 1_024
"""The size from which ONNX's own converter moves a tensor out of the .onnx file; a smaller file holds none."""

_OTHER_SUFFIXES = frozenset({
    "json", "jsonl", "ndjson", "md", "txt", "rst", "log", "py", "ipynb", "pyi", "sh", "bat", "ps1", "yaml", "yml",
    "toml", "cfg", "ini", "conf", "lock", "csv", "tsv", "parquet", "arrow", "feather", "html", "htm", "css", "js",
    "mjs", "ts", "map", "wasm", "xml", "xsd", "png", "jpg", "jpeg", "gif", "webp", "svg", "bmp", "ico", "tif", "tiff",
    "pdf", "tex", "bib", "wav", "mp3", "flac", "ogg", "opus", "m4a", "mp4", "webm", "avi", "mov", "mkv", "ttf", "otf",
    "woff", "woff2", "zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "zst", "whl", "c", "cc", "cpp", "h", "hpp", "cu",
    "rs", "go", "java", "kt", "swift", "cs", "php", "rb", "proto", "model", "spm", "bpe", "vocab", "merges",
    "tiktoken", "jinja", "jinja2", "j2", "tmpl", "template", "sql", "gitignore", "gitattributes", "gitkeep",
    "gitmodules", "license", "sha256", "md5", "sig", "asc", "pem", "crt", "dic", "aff", "fst", "far", "arpa", "npy",
    "npz",
})  # fmt: skip
"""Suffixes of files that hold no parameters of a model."""

_OTHER_NAMES = re.compile(
    r"^(\..*|readme|licen[cs]e|notice|changelog|authors|contributing|citation|copying|version|makefile|dockerfile"
    r"|procfile|gemfile|requirements|vocab|merges|use_policy|model_card)([-_.].*)?$|^(in|out)put_\d+\.pb$"
)
_USUAL = re.compile(r"^(model|weights?|params|tensors)(\.(data|weights?|pb|bin))$")
"""Names that people give to a data file: `model.data`, `weights.pb`."""


_SURELY_OTHER_SUFFIXES = frozenset({
    "json", "jsonl", "md", "py", "yaml", "yml", "png", "jpg", "jpeg", "gif", "svg", "wav",
})  # fmt: skip
_TOKENIZER = re.compile(r"^(tokenizer|spiece|sentencepiece([-_.]bpe)?)\.(model|json|vocab|txt)$")
"""What accompanies most models, so that it is not taken for data even beside an .onnx file that cannot be read."""


def is_surely_other(path: str) -> bool:
    """Return whether a file is none that an .onnx file names for its data: a card, a licence, a tokenizer, a picture.

    The list is short: an .onnx file may call its data `weights.model` or `w.zip`.
    """
    name = path.rpartition("/")[2].lower()
    if is_weight_file(path) or _OTHER_NAMES.search(name) or _TOKENIZER.search(name):
        return True
    if is_training_state(path) and not name.startswith("tokenizer"):
        return True
    return name.rpartition(".")[2] in _SURELY_OTHER_SUFFIXES


def may_hold_data(path: str) -> bool:
    """Return whether a file may hold tensors of an .onnx file: its name is not that of another kind of file."""
    name = path.rpartition("/")[2].lower()
    if is_weight_file(path) or is_training_state(path) or _OTHER_NAMES.search(name):
        return False
    return name.rpartition(".")[2] not in _OTHER_SUFFIXES


def attach_onnx_data(
    drafts: list[Draft], files: Mapping[str, FileEntry], headers: HeaderReader | None
) -> dict[str, tuple[str, ...]]:
    """Give each ONNX group the files that hold its tensors, and list by group those of which that is not known.

    The .onnx file decides where it can be read; on a remote Hub it is read where a file beside it or below may be its
    data, or one of no known kind is elsewhere. Else usual names decide: `model.data` and `model.weights` beside
    `model.onnx`, `weights.pb` beside a single one. A file that is listed and not there leaves the group incomplete.
    Where the .onnx file names data outside its folder, its group is in the list, with the files that it names if any.
    """
    graphs = {draft.name: path for draft in drafts if (path := _graph(draft))}
    loose: dict[str, tuple[str, ...]] = {}
    outside: set[str] = set()
    for draft in [draft for draft in drafts if draft.name in graphs]:
        path = graphs[draft.name]
        possible = _is_possible if headers else may_hold_data
        beside = sorted(set(_candidates(path, files, drafts, possible)) - set(draft.files))
        reads = headers is not None and (beside or headers.is_local or any(map(may_hold_data, files)))
        listed = headers.external_data(path) if headers and reads else None
        if listed is not None:
            _take(draft, {_in_folder(path, location, files) for location in listed}, files)
            continue
        mentioned = (headers.mentioned(path, beside) if headers and beside else None) or frozenset()
        named = {each for each in beside if each in mentioned or _is_named_for(each, path, graphs.values())}
        _take(draft, named, files)
        refused = headers.refused_data(path) if headers else None
        if refused is not None:
            outside.add(draft.name)
            loose[draft.name] = tuple(sorted({_in_folder(path, each, files) for each in refused} & files.keys()))
        elif rest := tuple(each for each in beside if each not in named and not is_weight_file(each)):
            loose[draft.name] = rest
    held = {path for draft in drafts if draft.name in graphs for path in draft.files}
    _release(drafts, held, graphs)
    free = {name: tuple(path for path in each if path not in held) for name, each in loose.items()}
    return {name: rest for name, rest in free.items() if rest or name in outside}


def _graph(draft: Draft) -> str | None:
    """Find the .onnx file of an ONNX group."""
    if draft.format != "onnx":
        return None
    return next((path for path in draft.files if path.lower().endswith(".onnx")), None)


def _is_possible(path: str) -> bool:
    """Return whether a file may be data of an .onnx file that is asked, or could not be."""
    return not is_surely_other(path)


def _candidates(
    path: str, files: Mapping[str, FileEntry], drafts: Iterable[Draft], possible: Callable[[str], bool]
) -> Iterator[str]:
    """List files in the folder of an .onnx file, or below it, that may hold its tensors."""
    folder = path[: path.rfind("/") + 1]
    for draft in drafts:
        if draft.format == "tensorflow" and len(draft.files) == 1 and draft.files[0].startswith(folder):
            yield draft.files[0]
    for other, entry in files.items():
        small = entry.size is not None and entry.size < LEAST_BYTES and entry.sha256 is None
        if other.startswith(folder) and not small and possible(other):
            yield other


def _in_folder(path: str, location: str, files: Mapping[str, FileEntry]) -> str:
    """Resolve a location that an .onnx file names; one that was written on Windows may have backslashes."""
    folder = path[: path.rfind("/") + 1]
    named = normpath(folder + location)
    return named if named in files else normpath(folder + location.replace("\\", "/"))


def _take(draft: Draft, paths: Iterable[str], files: Mapping[str, FileEntry]) -> None:
    """Add data files to a group; one that is not there leaves it incomplete."""
    for path in sorted(paths):
        if path not in files:
            draft.complete = False
        elif path not in draft.files:
            draft.files.append(path)


def _is_named_for(data: str, graph: str, graphs: Iterable[str]) -> bool:
    """Return whether a file has a usual name for the data of an .onnx file beside it."""
    folder, _, name = data.rpartition("/")
    graph_folder, _, graph_name = graph.rpartition("/")
    if folder != graph_folder:
        return False
    stem = graph_name[: -len(".onnx")].lower()
    if re.fullmatch(re.escape(stem) + r"([._]data|\.weights?)(_\d+)?", name.lower()):
        return True
    alone = [each for each in graphs if each.rpartition("/")[0] == folder] == [graph]
    return alone and bool(_USUAL.search(name.lower()))


def _release(drafts: list[Draft], held: set[str], graphs: Mapping[str, str]) -> None:
    """Take files that ONNX groups hold out of the groups that their names had made of them."""
    for draft in drafts:
        if draft.name not in graphs:
            draft.files = [path for path in draft.files if path not in held]
    drafts[:] = [draft for draft in drafts if draft.files]
