"""What one field of a repository's files declares, and what a written name means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from lineage.hub.revisions import is_commit_id
from lineage.hub.target import repository_id_problem
from lineage_schemas.derivation import Relation

DeclarationKind = Literal["parent", "relation", "form", "hint", "new_version", "unreadable"]
"""Parent: names what the model was made from. Relation: the publisher's relation to all parents of the card. Form: the
files show what the model is (an adapter, a merge, a quantisation) without naming of what. Hint: a tag that names the
method. New version: the card names a successor. Unreadable: a file that may declare something and cannot be read."""

ReadText = Callable[[str], bytes | None]
"""Read a small file of the snapshot by path; None if its bytes are not available."""

RELATIONS: dict[str, Relation] = {
    "finetune": "finetune", "adapter": "adapter", "merge": "merge", "quantized": "quantized",
}  # fmt: skip
"""The Hub's relations as cards and tags write them; any other text is kept as written and is not a relation."""

MAX_VALUE = 500
"""A longer value is cut; real names are much shorter."""

LOCAL_PATH = "it is a local path"

_HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_NOT_MODELS = frozenset({"datasets", "spaces", "collections", "papers", "docs", "blog", "organizations"})
_REVISION_WORDS = frozenset({"tree", "blob", "resolve", "raw", "commit"})
_CHECKPOINT = re.compile(r"(^|/)checkpoint[-_]\d+/?$")
_LOCAL = re.compile(r"^(?:[./~]|[A-Za-z]:[\\/]|file:)|\\")
_FOLDERS = re.compile(r"/.*/")
_CACHE_FOLDER = re.compile(
    r"(?:^|[/\\])models--(?P<id>[^/\\]+)(?:[/\\]+snapshots[/\\]+(?P<commit>[^/\\]+))?(?=[/\\]|$)"
)
"""A model's folder in the Hub client's cache; of several in one path the last counts, as a copied cache has it."""


@dataclass(frozen=True)
class Declaration:
    """Hold one thing that one field of one file declares, with the file and the field.

    `value` is verbatim. A `parent` has either `name`, which may still be an old name that only the Hub can make
    canonical, or `problem`. `relation` is what this field alone says, `by_publisher` whether the publisher wrote it;
    `method` is our finer term where the file gives it, `bits` how many a quantisation says that it keeps of a weight.
    `revision` is as written: a commit, branch or tag. `file` is None for what the Hub itself attached to the model.
    """

    kind: DeclarationKind
    rule: str
    file: str | None
    field: str | None
    value: str | None
    name: str | None = None
    revision: str | None = None
    relation: Relation | None = None
    method: str | None = None
    by_publisher: bool = False
    problem: str | None = None
    bits: int | None = None


@dataclass(frozen=True)
class WrittenName:
    """Hold the repository that a written name means, or in `problem` why it is not one."""

    name: str | None
    revision: str | None = None
    problem: str | None = None


def read_name(text: str) -> WrittenName:
    """Find the repository id in a name as people write it.

    Blanks and quotes around it, `org/name@revision`, addresses on the Hub (also of one of its branches or files) and
    paths into the Hub client's cache (`…/models--org--name/snapshots/COMMIT`, on any machine) are understood. Whether
    the repository exists is not asked here.
    """
    stripped = text.strip().strip("'\"`<>").strip()
    cached = _read_cache_path(stripped)
    if cached is not None:
        return cached
    if _LOCAL.search(stripped):
        return WrittenName(None, problem=LOCAL_PATH)
    address = _read_address(stripped)
    if address is not None:
        return address
    name, revision = _read_revision(stripped)
    if _FOLDERS.search(name) or _CHECKPOINT.search(name):
        return WrittenName(None, problem=LOCAL_PATH)
    problem = repository_id_problem(name)
    if problem is not None:
        return WrittenName(None, problem=problem)
    return WrittenName(name, revision)


def _read_cache_path(text: str) -> WrittenName | None:
    """Read a path into the Hub client's cache; None if it is another text, or its folder is not a repository id.

    The client writes the id's slash as `--`, which no id contains, and names a snapshot's folder after the commit.
    Datasets and Spaces are in the same folder as `datasets--…` and `spaces--…`: they are not models.
    """
    folders = list(_CACHE_FOLDER.finditer(text))
    if not folders:
        return None
    written, _, revision = folders[-1]["id"].partition("@")
    name = written.replace("--", "/")
    if repository_id_problem(name) is not None:
        return None
    return WrittenName(name, (folders[-1]["commit"] or "").partition("@")[0] or revision or None)


def _read_revision(text: str) -> tuple[str, str | None]:
    """Split `org/name@revision`; refs may hold slashes, where the text may also be a path with an @ in it.

    The text before the @ then decides: a repository with an owner, or what follows is a full ref.
    """
    name, _, revision = text.partition("@")
    if _FOLDERS.search(text) and "/" not in name and not revision.startswith("refs/"):
        return text, None
    return name, revision or None


def _read_address(text: str) -> WrittenName | None:
    """Read an address on the Hub; None where the text is not an address."""
    scheme, separator, _ = text.partition("://")
    bare = text.split("/", 1)[0].lower() in _HUB_HOSTS
    if not separator and not bare:
        return None
    if scheme.lower() == "hf" and separator:
        path = text.partition("://")[2]
    else:
        try:
            parts = urlsplit(text if separator else f"https://{text}")
            host = parts.hostname
        except ValueError:
            return WrittenName(None, problem="it is a broken address")
        if host not in _HUB_HOSTS:
            return WrittenName(None, problem="it is an address outside the Hub")
        path = parts.path
    return _read_address_path(path)


def _read_address_path(path: str) -> WrittenName:
    """Read `org/name[/tree/REVISION…]`, the path of a repository's URL; `%2F` is a slash in the revision."""
    segments = [unquote(segment) for segment in path.split("/") if segment]
    if segments[:1] == ["models"]:
        segments = segments[1:]
    if not segments or segments[0] in _NOT_MODELS:
        return WrittenName(None, problem="it is an address that names no model")
    # A legacy model has no owner: in its URL `tree` follows where others have the name.
    length = 1 if len(segments) == 1 or segments[1] in _REVISION_WORDS else 2
    name, at, revision = "/".join(segments[:length]).partition("@")
    problem = repository_id_problem(name)
    if problem is not None:
        return WrittenName(None, problem=problem)
    rest = segments[length:]
    if len(rest) > 1 and rest[0] in _REVISION_WORDS:
        return WrittenName(name, rest[1])
    return WrittenName(name, revision if at and revision else None)


def parent(
    rule: str, file: str | None, field: str | None, value: str, *, revision: str | None = None, **fields: Any
) -> Declaration:
    """Declare a parent by its written name; a revision in a field of its own takes precedence over one in the name.

    Only a full commit id in the name, as in a path into the cache, takes precedence over a branch in the field: that
    commit was loaded, and the branch has moved since.
    """
    written = read_name(value)
    if is_commit_id(written.revision) and not is_commit_id(revision):
        revision = written.revision
    return Declaration(
        "parent",
        rule,
        file,
        field,
        verbatim(value),
        name=written.name,
        revision=revision or written.revision,
        problem=written.problem,
        **fields,
    )


def unreadable(file: str, reason: str) -> Declaration:
    """Note a file that may declare something and could not be read."""
    return Declaration("unreadable", "files.unreadable", file, None, None, problem=reason)


def verbatim(value: object) -> str:
    """Write a value as text: a string as it is, cut to size, with lone surrogates replaced, which UTF-8 cannot hold.

    Lists and objects are not written out: an aliased YAML list of a few bytes may hold a billion items.
    """
    if isinstance(value, dict | list | tuple | set):
        return "{…}" if isinstance(value, dict) else "[…]"
    if isinstance(value, int) and abs(value) > 10**18:
        return "a huge number"  # Python refuses to write more than 4,300 digits
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
    return text.encode("utf-8", "replace").decode("utf-8")


def written_names(value: object) -> Iterator[tuple[str, str]]:
    """List (index suffix, text) of the names in a field that should hold one name or a list of them.

    Found in real cards: a list, names in one string with commas between, null, numbers, and objects with the name
    inside. Values that are not texts are written as text too, so that they are reported and not dropped.
    """
    items = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, item in items:
        name = _name_inside(item)
        if name is not None:
            for piece in name.split(","):
                if piece.strip():
                    yield "" if index is None else f"[{index}]", piece if piece == name else piece.strip()


def _name_inside(item: object) -> str | None:
    """Return the name out of an object such as `{name: org/model}`; None if there is nothing."""
    if isinstance(item, dict):
        item = next((item[key] for key in ("id", "repo_id", "name", "model", "path") if item.get(key)), item)
    if item is None or isinstance(item, str):
        return item
    return verbatim(item)
