"""Find the uses of models in one module: calls that load them, and what they ask for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.calls import identified, receiver_of
from lineage.audit.discovery.flow.chosen import is_chosen_by_library
from lineage.audit.discovery.flow.contents import items_of
from lineage.audit.discovery.flow.declared import arguments
from lineage.audit.discovery.flow.items import item
from lineage.audit.discovery.flow.loads import Loader, Unknown, Use
from lineage.audit.discovery.flow.resolving import Resolver
from lineage.audit.discovery.flow.scopes import Module, Scope
from lineage.audit.discovery.flow.services import is_of_the_hub
from lineage.audit.discovery.flow.sinks import Sink
from lineage.audit.discovery.flow.spots import Frame, Spot, called_name
from lineage.audit.discovery.flow.strings import Piece, texts

MAX_ALTERNATIVES = 150
"""Calls and elements for which one call that loads a model is looked at one by one."""


def loaders(resolver: Resolver, module: Module) -> Iterator[Loader]:
    """Return the calls of a module that load models."""
    for call, scope in module.calls:
        name, root = identified(resolver, call.func, scope)
        if root in {"modelscope", "local"}:
            continue
        receiver = receiver_of(call.func)
        found = list(sinks.sinks_of(name, root))
        if name == "from_pretrained" and receiver.startswith("Peft"):
            found = [sinks.PEFT]
        elif name == "load" and not found and receiver in sinks.FLAIR:
            found = [Sink(0, ("model_path",), owned=True)]
        elif name == "create" and _is_registered(call.func):
            found = [Sink(None, ("name",))]
        elif name in _ASKED and isinstance(call.func, ast.Attribute) and is_of_the_hub(resolver, call.func, scope):
            found = [Sink(None, ("model",), owned=True)]
        yield from (Loader(Spot(call, scope, direct=True), name, sink, root) for sink in found)


_ASKED = {"create", "parse", "stream"}
"""Methods of a client for chats; the Hub's router takes the same client, by its address."""


def _is_registered(func: ast.expr) -> bool:
    """Tell whether a call is `registry.get("sentence-transformers").create(…)`, as lancedb makes its embedders."""
    asked = func.value if isinstance(func, ast.Attribute) else None
    given = asked.args[0] if isinstance(asked, ast.Call) and called_name(asked) == "get" and asked.args else None
    return isinstance(given, ast.Constant) and given.value in sinks.LOCAL_EMBEDDERS


def uses(resolver: Resolver, loader: Loader) -> Iterator[Use | Unknown]:
    """Return the models that a call loads, each with its own revision."""
    asked = _asked(resolver, loader, {})
    if asked.argument is not None:
        yield from _alternatives(resolver, loader)
    if is_chosen_by_library(resolver, loader, named=asked.argument is not None):
        yield Unknown(loader.call)
    for name in loader.sink.others:
        if name in asked.keywords:
            known = _revisions_of(resolver, loader, asked, name)
            trusted = _truth(resolver, asked.keywords.get("trust_remote_code"))
            for part in _listed(resolver, asked.keywords[name]):
                for piece in texts(resolver, part):
                    file = sinks.FILES_OF_OTHERS.get(name)
                    read = {} if file is None else {"filename": piece._replace(text=file)}
                    for each in _combined(known):
                        yield Use(piece, {**each, **read}, loader.sink, part, loader.name, trusted)


class _Asked(NamedTuple):
    """Hold the arguments of a call in one frame: the one that names the model, and those that ask for more."""

    argument: Spot | None
    facets: dict[str, Spot]
    keywords: dict[str, Spot]


def _asked(resolver: Resolver, loader: Loader, frame: Frame) -> _Asked:
    positional, keywords = arguments(resolver, loader.call._replace(frame=frame))
    wanted = (*sinks.REVISION_KEYWORDS, *sinks.FILE_KEYWORDS, *_OTHER_FACETS)
    facets = {name: keywords[name] for name in wanted if name in keywords}
    inner = keywords.get("model_kwargs")
    for end in resolver.spots(inner) if inner is not None else ():
        facets.update((name, each) for name in sinks.REVISION_KEYWORDS if name not in facets
                      for each in list(item(resolver, end, name, 4))[:1])  # fmt: skip
    if loader.name in {"hf_hub_download", "hf_hub_url"} and "filename" not in facets and len(positional) > 1:
        facets["filename"] = positional[1]
    return _Asked(_model_argument(loader.sink, positional, keywords), facets, keywords)


def _revisions_of(resolver: Resolver, loader: Loader, asked: _Asked, name: str) -> dict[str, list[Piece]]:
    """Return the revisions of a further model: its own keyword's; `pipeline` reads the tokenizer at the model's."""
    own = asked.keywords.get(sinks.REVISIONS_OF_OTHERS.get(name, f"{name}_revision"))
    if own is None and loader.name == "pipeline":
        own = next((asked.facets[each] for each in sinks.REVISION_KEYWORDS if each in asked.facets), None)
    return {} if own is None else {"revision": texts(resolver, own)}


def _listed(resolver: Resolver, spot: Spot) -> list[Spot]:
    return list(resolver.elements(spot, 4)) if isinstance(spot.node, ast.List | ast.Tuple) else [spot]


def _model_argument(sink: Sink, positional: list[Spot], keywords: dict[str, Spot]) -> Spot | None:
    for name in sink.keywords:
        outer, _, inner = name.partition(".")
        given = keywords.get(outer)
        if given is not None and not _is_switch(given.node):
            if inner and isinstance(given.node, ast.expr):
                item = ast.Subscript(value=given.node, slice=ast.Constant(value=inner), ctx=ast.Load())
                return given._replace(node=ast.copy_location(item, given.node))
            return _of_repository(given)
    if sink.position is not None and sink.position < len(positional):
        given = positional[sink.position]
        items = zip(given.node.keys, given.node.values, strict=True) if isinstance(given.node, ast.Dict) else ()
        named = (value for key, value in items if isinstance(key, ast.Constant) and key.value in sink.keywords)
        return given._replace(node=next(named, given.node))
    return None


def _is_switch(node: ast.AST) -> bool:
    """Tell whether an argument is a constant that is not a text, such as `pretrained=True`."""
    return isinstance(node, ast.Constant) and not isinstance(node.value, str)


def _of_repository(given: Spot) -> Spot | None:
    """Return the name in `{ type: 'model', name: 'org/x' }`, as the Hub's JavaScript library takes repositories."""
    if not isinstance(given.node, ast.Dict):
        return given
    items = {each.value: value for each, value in zip(given.node.keys, given.node.values, strict=True)
             if isinstance(each, ast.Constant)}  # fmt: skip
    kind = items.get("type")
    named = items.get("name")
    if named is None or not (isinstance(kind, ast.Constant) and kind.value == "model"):
        return given
    return given._replace(node=named)


def _alternatives(resolver: Resolver, loader: Loader) -> Iterator[Use | Unknown]:
    """Look at a call as a whole, or, where the id and the revision depend on the same thing, for each of its values."""
    unknown: Spot | None = None
    found = False
    for frame in _frames(resolver, loader):
        resolver.begin()
        asked = _asked(resolver, loader, frame)
        if asked.argument is None:
            continue
        pieces = texts(resolver, asked.argument)
        known = {name: texts(resolver, spot) for name, spot in asked.facets.items()}
        if any(
            piece.text in {"dataset", "space", "spaces"}
            for name in ("repo_type", "repoType", "src")
            for piece in known.get(name, [])
        ):
            return
        trusted = _truth(resolver, asked.keywords.get("trust_remote_code"))
        safetensors = _truth(resolver, asked.keywords.get("use_safetensors"), worst=False)
        found = found or bool(pieces)
        unknown = unknown or asked.argument
        for piece in pieces:
            for facets in _combined(known):
                yield Use(piece, facets, loader.sink, asked.argument, loader.name, trusted, safetensors)
    if unknown is None or found or loader.sink.output or not _may_be_text(unknown.node):
        return
    if loader.name != "generate" or not _is_function(resolver, unknown):
        yield Unknown(unknown)


def _is_function(resolver: Resolver, given: Spot) -> bool:
    """Tell whether an argument is a function of the tree: `custom_generate` takes one too."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return any(isinstance(end.node, functions) for end in resolver.spots(given))


_OTHER_FACETS = ("subfolder", "variant", "repo_type", "repoType", "src")


def _may_be_text(node: ast.AST) -> bool:
    """Tell whether an argument that is not known may be a text: not a number, a list or a new object."""
    if isinstance(node, ast.Call):
        return called_name(node) not in sinks.SINKS
    return isinstance(
        node, ast.Name | ast.Attribute | ast.Subscript | ast.JoinedStr | ast.BinOp | ast.IfExp | ast.BoolOp
    )


def _combined(known: dict[str, list[Piece]]) -> list[dict[str, Piece]]:
    """Return what is asked, once for each revision."""
    rest = {name: pieces[0] for name, pieces in known.items() if pieces and name not in sinks.REVISION_KEYWORDS}
    revisions = [(name, piece) for name in sinks.REVISION_KEYWORDS for piece in known.get(name, [])]
    distinct = {piece.text: (name, piece) for name, piece in reversed(revisions)}
    return [{**rest, "revision": piece} for _, piece in list(distinct.values())[:10]] or [rest]


def _truth(resolver: Resolver, spot: Spot | None, *, worst: bool = True) -> bool | None:
    """Return the value of a flag; of several values `worst`, which is the one to warn of."""
    if spot is None:
        return None
    values = {end.node.value for end in resolver.spots(spot) if isinstance(end.node, ast.Constant)}
    return worst if worst in values else not worst if (not worst) in values else None


def _frames(resolver: Resolver, loader: Loader) -> list[Frame]:
    """Return the frames for which a call is looked at: one, unless id and facets change together."""
    frames: list[Frame] = [{}]
    for _ in range(4):
        further: list[Frame] = []
        for frame in frames:
            shared = _shared_choice(resolver, loader, frame)
            further.extend([frame] if shared is None else _split(resolver, *shared, frame))
        if further == frames or len(further) > MAX_ALTERNATIVES:
            return frames
        frames = further
    return frames


def _shared_choice(resolver: Resolver, loader: Loader, frame: Frame) -> tuple[ast.AST, Scope] | None:
    """Return a function or loop on which both the id and something asked beside it depend."""
    resolver.begin()
    asked = _asked(resolver, loader, frame)
    of_facets, resolver.choices = resolver.choices, {}
    if asked.argument is None or isinstance(asked.argument.node, ast.Constant) or not (asked.facets or of_facets):
        return None
    if len(texts(resolver, asked.argument)) < 2:
        return None
    of_model, resolver.choices = resolver.choices, of_facets
    for spot in asked.facets.values():
        texts(resolver, spot)
    return next(((each, scope) for each, scope in of_model.items() if each in resolver.choices), None)


def _split(resolver: Resolver, owner: ast.AST, scope: Scope, frame: Frame) -> list[Frame]:
    """Return one frame for each value that a function's parameters, a class's fields or a loop's variable have."""
    if isinstance(owner, ast.Dict | ast.List | ast.Tuple) or items_of(owner):
        return [{**frame, owner: Spot(each, scope, frame)} for each in items_of(owner)]
    if isinstance(owner, ast.ClassDef):
        objects = resolver.calling.calls_of(owner, owner.name, scope)
        classes = [Spot(each, at) for each, at in resolver.calling.derived(owner, scope)]
        return [{**frame, owner: each} for each in [*(objects or [Spot(owner, scope)]), *classes]]
    if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return [{**frame, owner: given} for given in resolver.calling.alternatives(owner, scope)] or [
            {**frame, owner: {}}
        ]
    iterated = owner.iter if isinstance(owner, ast.For | ast.AsyncFor | ast.comprehension) else None
    if iterated is None:
        return [frame]
    resolver.begin()
    return [{**frame, owner: element} for element in resolver.elements(Spot(iterated, scope, frame), 4)] or [
        {**frame, owner: {}}
    ]
