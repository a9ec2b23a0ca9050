"""Names: what a text in a source says if it is the name of a model on the Hub, in any of the ways to write one.

This reads one text that was already cut out of its surroundings, such as a string or a word of a shell command. Only
the caller knows the surroundings: a bare `gpt2` is a model in a call that loads one and is an ordinary word elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lineage.audit.discovery import name_words as words
from lineage.hub.target import repository_id_problem

MAX_LENGTH = 1_000
"""Characters of the longest text that is read: no id and no address that people write is longer."""

HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co", "hf-mirror.com"})
"""Hosts that serve pages and files of the Hub's models."""

INFERENCE_HOSTS = frozenset({"api-inference.huggingface.co", "router.huggingface.co"})
"""Hosts that run the Hub's models; the id follows `models/` or `hf-inference/models/` in the path."""

_SCHEMES = ("huggingface://", "huggingface:", "hf-hub://", "hf-hub:", "hf_hub:", "hf://", "hf:")
_LIBRARIES = frozenset(
    {
        "sentence-transformers",
        "sentence_transformers",
        "transformers",
        "diffusers",
        "vllm",
        "sglang",
        "mlx",
        "tgi",
        "tei",
    }
)
"""Libraries that some programs take in front of a name: `sentence-transformers:all-MiniLM-L6-v2`."""

_LOADER = re.compile(r"^(?:huggingface|hosted_vllm|hf|vllm|sglang|mlx|transformers)/(?=[^/]+/[^/]+$)")
"""The same with a slash: `hf/org/name`, as Inspect takes it."""

_QUANTISATION = re.compile(
    r"(?:[\w.-]+[-_.])?(?:(?:I?Q|TQ)\d[\w.-]*|BF16|F16|F32|FP16|FP32|FP8|MXFP\d[\w.-]*|NVFP\d[\w.-]*)|latest"
    r"|[\w./-]+\.gguf",
    re.IGNORECASE,
)
_REVISION = re.compile(r"[^\x00-\x20\x7f~^:?*\[\]\\{}$<>]+")
_HUB_ADDRESS = re.compile(r"(?:https?://)?(?:[^/@\s]*@)?(?P<host>[\w.-]+)(?P<path>/.*)", re.IGNORECASE)
_CACHED = re.compile(
    r"(?:^|[/\\])models--([\w.-]+?)(?:--([\w.-]+))?(?:[/\\]snapshots[/\\]([0-9a-f]{7,40}))?(?:[/\\]|$)"
)
"""The folder of a model in the Hub's local cache."""

_TASK = re.compile(r"[a-z]+(?:-[a-z]+)+:(?=[^:/]+/)")
"""A task in front of an id: `huggingface:text-generation:org/name`, as promptfoo takes it."""

_FILE_PATHS = {"resolve": True, "raw": True, "blob": False, "tree": False, "commit": False, "commits": False}
"""The part behind the id in an address, and whether a program reads the file there (a person reads the others)."""


class Form(StrEnum):
    """List the ways to write a model: how sure the text by itself is depends on it."""

    BARE = "bare"
    """`gpt2`: any other word looks the same."""
    ID = "id"
    """`org/name`: many paths look the same."""
    ADDRESS = "address"
    """`hf://org/name`, `…/resolve/main/model.bin`: a program reads the model there."""
    PAGE = "page"
    """`https://huggingface.co/org/name`: a person reads it."""
    CLONE = "clone"
    """`git@hf.co:org/name`: git reads it."""


class Name(NamedTuple):
    """Keep what a text says: the id as written, and the revision, selector and file that it adds; None if it does not.

    `selector` is the quantisation behind a colon, such as `Q4_K_M`.
    """

    model: str
    form: Form
    revision: str | None = None
    selector: str | None = None
    filename: str | None = None


def read_name(text: str) -> Name | None:
    """Read one text as the name of a model; None if it names something else or nothing.

    None are paths (`src/model`), MIME types, file names, placeholders (`your-name/…`), addresses of datasets, Spaces
    and other pages, container images, and models that only an API serves (`openai/gpt-4o-mini`). A text with any
    variable part (`${MODEL}`) is None also. An id with hidden characters or with letters that look like Latin ones is
    returned as it is written: the Hub has no such model, and the source looks as if it named one.
    """
    text = text.strip()
    if not text or len(text) > MAX_LENGTH or any(map(str.isspace, text)):
        return None
    if not text.isprintable():
        found = read_name("".join(filter(str.isprintable, text)))
        return found._replace(model=text) if found is not None and found.form is Form.ID else None
    head = text[:16].lower()
    scheme = next((scheme for scheme in _SCHEMES if head.startswith(scheme)), None) if head[0] == "h" else None
    if scheme is not None:
        return _read_scheme(text[len(scheme) :])
    if text.startswith(("git@hf.co:", "git@huggingface.co:")):
        return _read_clone(text.partition(":")[2])
    if text.startswith(("ssh://git@hf.co/", "ssh://git@huggingface.co/")):
        return _read_clone(text.split("/", 3)[3])
    cached = _CACHED.search(text)
    if cached:
        return _plain(f"{cached[1]}/{cached[2]}" if cached[2] else cached[1], Form.ID, revision=cached[3])
    address = _HUB_ADDRESS.fullmatch(text)
    if address and (host := address["host"].lower()) in HOSTS | INFERENCE_HOSTS:
        return _read_address(host, address["path"], schemed="://" in text)
    return _read_id(text)


def _read_scheme(rest: str) -> Name | None:
    """Read `org/name[@revision | :revision or selector][/file]`, as filesystems, timm, KServe and LocalAI write it."""
    rest = _TASK.sub("", rest.removeprefix(":"))
    head, _, tail = rest.removeprefix("models/").partition("/")
    if head in {"datasets", "spaces", "buckets"} or tail.startswith("..."):
        return None
    name, slash, path = tail.partition("/")
    for mark in ("@", ":"):
        before, found, after = name.partition(mark)
        if found:
            return _qualified(f"{head}/{before}", mark, after, path if slash else None)
    if not tail:
        before, found, after = head.partition("@")
        is_owner = words.PLACEHOLDER.fullmatch(before) is not None  # `hf://username/…`
        return None if is_owner or not before else _plain(before, Form.ADDRESS, revision=after or None)
    return _plain(f"{head}/{name}", Form.ADDRESS, filename=path or None)


def _qualified(model: str, mark: str, after: str, path: str | None) -> Name | None:
    if not after or not _REVISION.fullmatch(after):
        return None
    if mark == ":" and _QUANTISATION.fullmatch(after):
        return _plain(model, Form.ADDRESS, selector=after, filename=path)
    return _plain(model, Form.ADDRESS, revision=unquote(after), filename=path)


def _read_clone(path: str) -> Name | None:
    return None if path.startswith(("datasets/", "spaces/")) else _plain(path.removesuffix(".git"), Form.CLONE)


def _read_address(host: str, whole: str, *, schemed: bool) -> Name | None:
    """Read the path of an address on the Hub, and on the hosts that run its models."""
    path = urlsplit(whole).path.strip("/")
    if host in INFERENCE_HOSTS or path.startswith("api/models/"):
        marker, _, rest = path.partition("models/")
        parts = rest.split("/")
        known = marker in {"", "api/", "hf-inference/", "pipeline/"} and len(parts) > 1
        revision = parts[3] if parts[2:3] == ["revision"] and len(parts) > 3 else None
        return _plain("/".join(parts[:2]), Form.ADDRESS, revision=revision) if known else None
    parts = path.split("/")
    if parts[0] in words.NOT_MODELS or parts[0] == "api":
        return None
    if len(parts) == 1:
        return _legacy_page(parts[0])
    if parts[1] in _FILE_PATHS:
        return _file_address("/".join(parts[:1]), parts[1:])
    name, at, revision = parts[1].partition("@")  # as pip writes it
    if at:
        return _plain(f"{parts[0]}/{name}".removesuffix(".git"), Form.PAGE, revision=revision or None)
    return _file_address("/".join(parts[:2]), parts[2:], schemed=schemed)


def _file_address(model: str, parts: list[str], *, schemed: bool = True) -> Name | None:
    """Read what follows the id in an address: nothing, a selector behind a colon, or a kind of page with a revision."""
    model, colon, selector = model.partition(":")
    if colon:
        return _plain(model, Form.ADDRESS, selector=selector) if selector and not parts else None
    if not parts:
        return _plain(model.removesuffix(".git"), Form.PAGE)
    if parts[0] not in _FILE_PATHS or len(parts) < 2:
        return _plain(model, Form.PAGE if schemed else Form.ADDRESS, filename=None) if schemed else None
    taken = 4 if parts[1] == "refs" and len(parts) > 3 else 2  # refs/pr/7 is one revision, in an address or encoded
    revision, filename = unquote("/".join(parts[1:taken])), unquote("/".join(parts[taken:])) or None
    if not _REVISION.fullmatch(revision):
        return None
    return _plain(model, Form.ADDRESS if _FILE_PATHS[parts[0]] else Form.PAGE, revision=revision, filename=filename)


def _legacy_page(name: str) -> Name | None:
    """Read `huggingface.co/gpt2`: any other single part of a path is the page of an owner."""
    from lineage.hub.legacy_names import legacy_name

    return None if legacy_name(name) is None else Name(name, Form.PAGE)


def _read_id(text: str) -> Name | None:
    """Read `org/name` or a bare name, with `@revision` or `:selector` behind it."""
    model, at, revision = text.partition("@")
    if at and (not _REVISION.fullmatch(revision) or not revision or ("/" not in model and "." in revision)):
        return None
    model, colon, selector = model.partition(":")
    if model in _LIBRARIES and colon and not at:
        return _plain(selector, Form.ID if "/" in selector else Form.ADDRESS)
    if colon and (at or "/" not in model):
        return None
    if colon and not _QUANTISATION.fullmatch(selector) and selector not in words.HUB_PROVIDERS:
        return None
    if selector == "latest":  # a tag of a container image
        return None
    model = _LOADER.sub("", model)
    form = Form.ID if "/" in model else Form.BARE
    selector = "" if selector in words.HUB_PROVIDERS else selector
    found = _plain(model, form, revision=revision or None, selector=selector or None)
    return None if found is None or _is_something_else(model) else found


def _plain(
    model: str, form: Form, *, revision: str | None = None, selector: str | None = None, filename: str | None = None
) -> Name | None:
    """Make a name if the id may be one and does not stand for another id that the reader puts there."""
    owner = model.partition("/")[0]
    if (repository_id_problem(model) is not None and not _looks_like_an_id(model)) or (
        "/" in model and words.PLACEHOLDER.fullmatch(owner)
    ):
        return None
    return Name(model, form, revision, selector, filename)


def _looks_like_an_id(model: str) -> bool:
    """Return whether letters of a Cyrillic or Greek alphabet, or wide ones, stand for the Latin ones of an id."""
    foreign = [each for each in model if not each.isascii()]
    latin = "".join(each if each.isascii() else "a" for each in model)
    names = [unicodedata.name(each, "") for each in foreign]
    return (
        bool(foreign)
        and "/" in model
        and repository_id_problem(latin) is None
        and all(name.startswith(("CYRILLIC", "GREEK", "FULLWIDTH LATIN", "MATHEMATICAL")) for name in names)
    )


def _is_something_else(model: str) -> bool:
    """Return whether an id without a scheme is a path, a file, a MIME type, an image or a model of a hosted API."""
    owner, slash, name = model.lower().rpartition("/")
    if name.rpartition(".")[2] in words.FILE_ENDINGS and "." in name:
        return True
    if not slash:
        return name in words.BARE_WORDS or name.isdigit() or bool(words.HOSTED_BARE.match(name))
    if (
        name in words.IMAGE_NAMES
        or owner in words.MIME_TYPES
        or owner in words.FOLDERS
        or ("_" in owner and words.FOLDERS.issuperset(set(owner.split("_")) - words.OF_FOLDERS))
        or owner.isdigit()
        or model.lower() in words.IMAGES
    ):
        return True
    if words.HUB_MODELS_OF_HOSTED_OWNERS.match(model):
        return False
    return owner in words.HOSTED_OWNERS or bool(words.HOSTED_MODELS.match(model))
