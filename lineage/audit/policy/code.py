"""Code of a model's repository that a loader runs: which files may name it, and what they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lineage.audit.policy.facts import ModelFacts, Problem
from lineage.audit.used_files import folder_of, named_files
from lineage_schemas.unchecked import Unchecked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lineage_schemas.reference import Reference

CODE_FIELDS = ("auto_map", "custom_pipelines", "custom_generate")
"""Fields of configs that name code."""

MODULES = "modules.json"
"""The list of modules of a sentence-transformers model, each with the class that loads it."""

ROUTER = "router_config.json"
"""The modules between which a sentence-transformers model chooses, by their places."""

PIPELINE = "model_index.json"
"""The parts of a diffusers pipeline, each with the library and the class that loads it."""

CONFIGS = frozenset(
    {
        *("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json", PIPELINE),
        *(
            "video_preprocessor_config.json",
            "generation_config.json",
            "modular_model_index.json",
            "modular_config.json",
        ),
        *(MODULES, ROUTER),
    }
)
"""Names of configs that may name code, in whatever folder a loader reads them."""

MAX_CONFIGS = 12
"""Configs of one model that are read, because each may cost a request; code of the others stays unknown."""

_SOURCES = (".py", ".pyc", ".pyd", ".so")
_OWN_LIBRARY = "sentence_transformers."


def is_trusting(references: Iterable[Reference]) -> bool:
    """Return whether one of the references lets a loader run code of the repository."""
    return any(each.trust_remote_code for each in references)


def files_with_code(files: Mapping[str, Any], references: tuple[Reference, ...] = ()) -> list[str]:
    """List the configs among a model's files that may name code, in order.

    These are those of the root and of the folders that the product names. Where the product trusts the repository's
    code they are those of all folders, because the parts of a pipeline or of a sentence model have their own configs.
    """
    named = [path for path in sorted(files, key=lambda each: (each.count("/"), each)) if _name(path) in CONFIGS]
    if not is_trusting(references):
        folders = {"", *(folder_of(each) for each in references)}
        named = [path for path in named if path.rpartition("/")[0] in folders]
    return sorted(named[:MAX_CONFIGS])


def may_have_code(model: ModelFacts) -> bool:
    """Return whether the repository may have code, or name it, at the judged commit: also if that is not known.

    A program in any folder counts, because a loader may import it by a name that no config has, and so does a config
    that was not read.
    """
    if model.files is None or any(path.endswith(_SOURCES) for path in model.files):
        return True
    read = {config.path: config.value for config in model.configs}
    if any(read.get(path) is None for path in model.files if _name(path) in CONFIGS):
        return True
    return any(True for path, value in read.items() for _ in _named(path, value or {}, model.files))


def about_code(model: ModelFacts) -> Iterator[Problem]:
    """Find configs that name code which a loader runs; of used models only."""
    if not model.used:
        return
    trusted = is_trusting(each for asked in model.asked for each in asked.references)
    for config in model.configs:
        if config.value is None:
            what = f"code that {config.path} of {model.id} may name"
            item = Unchecked(what=what, reason=config.reason or "it could not be read")
            message = f"{what} is not known: {item.reason}"
            yield Problem("custom-code", message, model.pointer(config.path), severity="info", unchecked=item)
            continue
        for name, value in _named(config.path, config.value, model.files or ()):
            yield _code(model, config.path, name, value, trusted=trusted)
    for path in sorted(set(_programs(model))):
        message = f"the product takes {path} of {model.id}, which is a program, at {model.commit}"
        yield Problem("custom-code", message, model.pointer(path))


def _programs(model: ModelFacts) -> Iterator[str]:
    """List the programs that the product names as files, such as the pipeline that diffusers runs."""
    for each in (reference for asked in model.asked for reference in asked.references):
        if each.filename and (named := named_files(each, model.files or ())) is not None:
            yield from (path for path in named.files if path.endswith(_SOURCES))


def _named(path: str, config: Mapping[str, Any], files: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """List the fields of a config that name code, with their values."""
    for name in CODE_FIELDS:
        if config.get(name):
            yield name, config[name]
    folder, name = path.rpartition("/")[0], _name(path)
    own = {each.removeprefix(f"{folder}/") if folder else each for each in files}
    modules, types = config.get("modules"), config.get("types")
    kinds = [each.get("type") for each in modules if isinstance(each, dict)] if isinstance(modules, list) else []
    kinds += types.values() if isinstance(types, dict) else ()
    for kind in kinds if name in (MODULES, ROUTER) else ():
        if isinstance(kind, str) and not kind.startswith(_OWN_LIBRARY) and _is_own(kind.rpartition(".")[0], own):
            yield "type", kind
    if name == PIPELINE:
        for part, value in config.items():
            library = value[0] if isinstance(value, list) and len(value) == 2 else None
            inside = own if part == "_class_name" else {each.removeprefix(f"{part}/") for each in own}
            if isinstance(library, str) and _is_own(library, inside | own):
                yield part, library


def _is_own(module: str, files: set[str]) -> bool:
    """Return whether a module is a file of the repository, or of another one (`org/name--module`)."""
    return "--" in module or f"{module.replace('.', '/')}.py" in files


def _code(model: ModelFacts, path: str, name: str, value: Any, *, trusted: bool) -> Problem:
    elsewhere = sorted({each.partition("--")[0] for each in _texts(value) if "--" in each})
    where = f" of {', '.join(elsewhere)}, whose commit the product does not pin" if elsewhere else ""
    at = "" if elsewhere else f" at {model.commit}"
    loads = "" if trusted else "; loaders refuse to run it without `trust_remote_code`"
    message = f"{name} of {path} names code{where}{at}{loads}"
    return Problem("custom-code", message, model.pointer(path, name), severity=None if trusted else "info")


def _texts(value: Any) -> Iterator[str]:
    """List the texts of a value, two levels deep: a class may be given with a slow and a fast form."""
    values: list[Any] = list(value.values()) if isinstance(value, dict) else [value]
    for each in values:
        for one in each if isinstance(each, list) else [each]:
            if isinstance(one, str):
                yield one


def _name(path: str) -> str:
    return path.rpartition("/")[2]
