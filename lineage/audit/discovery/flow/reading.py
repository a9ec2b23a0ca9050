"""Turn the uses of models in a module into references."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.flow import sinks
from lineage.audit.discovery.flow.chosen import is_impossible_id
from lineage.audit.discovery.flow.commands import commands_of, text_of_constant
from lineage.audit.discovery.flow.labels import Context, labelled
from lineage.audit.discovery.flow.loads import Unknown, Use
from lineage.audit.discovery.flow.named import (
    is_aside,
    is_hosted_place,
    labelled_name,
    of_class,
    revision_beside,
    says_model,
)
from lineage.audit.discovery.flow.resolving import MAX_MODULE_STEPS, resolver_of
from lineage.audit.discovery.flow.services import asked_of_services
from lineage.audit.discovery.flow.spots import Spot, called_name
from lineage.audit.discovery.flow.strings import texts
from lineage.audit.discovery.flow.uses import loaders, uses
from lineage.audit.discovery.model_keys import is_known_bare, plain_key
from lineage.audit.discovery.names import Form, Name, read_name
from lineage.audit.discovery.references import reference, unresolved
from lineage.audit.discovery.scripts import MAX_REFERENCES
from lineage_schemas.reference import Reference

if TYPE_CHECKING:
    from lineage.audit.discovery.flow.program import Program
    from lineage.audit.discovery.flow.scopes import Literally, Module, Scope
    from lineage.audit.discovery.tree import Tree
    from lineage_schemas.product import Grade
    from lineage_schemas.reference import Place

_MODEL_LABEL = re.compile(
    r"model|checkpoint|ckpt|repo|pretrained|backbone|encoder|tokenizer|embed|llm|lora|adapter|reranker|weights|hf_",
    re.I,
)
_OTHER_LABEL = re.compile(
    r"dataset|output|metric|template|prompt|image|hub_model_id|space|docker|_dir$|dir_|_url$", re.I
)
_PAGE_LABELS = {"model", "model_id", *sinks.STRONG_KEYWORDS}
"""Names under which the page of a model is what a program loads, as in the list of models of web-llm."""

_SENTENCE_CALLS = re.compile(r"SentenceTransformer|^HuggingFace\w*Embeddings?$|KeyBERT|BERTopic|TokenTextSplitter")
_WRITERS = {
    "save_pretrained",
    "save_model",
    "save_pretrained_merged",
    "save_pretrained_gguf",
    "makedirs",
    "mkdir",
    "rmtree",
}
_WRITTEN_KEYWORDS = {"output_dir", "local_dir", "save_dir", "save_path", "save_directory", "cache_dir", "output_path"}


MAX_LABELLED = 15_000
"""Texts of one file whose labels are judged."""


class _Seen:
    """Hold the strings of a tree that are read already, by their nodes, and the modules whose labels are not read yet.

    The same string may be loaded from a module that is read later: then the label of the string says nothing more. Nor
    does it for a string that a service gets (`served`), which stays possible: what the service runs is not known.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.nodes: dict[int, ast.AST] = {}
        self.served: dict[int, ast.AST] = {}
        self.waiting: list[_Reader] = []

    def add(self, node: ast.AST) -> None:
        self.nodes[id(node)] = node  # which keeps the node, so that no other one gets its id

    def is_settled(self, node: ast.AST) -> bool:
        """Tell whether the label of a string says nothing more: it is loaded, or a service gets it."""
        return node in self or id(node) in self.served

    def __contains__(self, node: ast.AST) -> bool:
        return id(node) in self.nodes


def references_of(module: Module, program: Program) -> Iterator[Reference]:
    """Return the references of a module: what its calls load, and what its strings name otherwise.

    Those that the labels of strings name in a whole file come from `labelled_references`, after all files.
    """
    reader = _Reader(module, program)
    reader.resolver.left = MAX_MODULE_STEPS
    yield from reader.loaded()
    yield from commands_of(module, reader.resolver)
    reader.ask_services()
    if module.text.is_whole:
        reader.seen.waiting.append(reader)
    else:
        yield from reader.rest()
    reader.report()


def labelled_references(tree: Tree) -> Iterator[Reference]:
    """Return what the labels of strings name in the files of a tree, once all files are read."""
    waiting = tree.shared(_Seen).waiting
    for reader in waiting:
        reader.resolver.left = MAX_MODULE_STEPS
        found: list[Reference] = []
        try:
            found.extend(islice(reader.rest(), MAX_REFERENCES))
        except RecursionError:  # what was found before it is kept
            tree.report(reader.module.text.file, "the source nests too deep to be read as a whole")
        if len(found) == MAX_REFERENCES:
            tree.report(
                reader.module.text.file,
                f"the file names models {MAX_REFERENCES:,} times or more; the others were not read",
            )
        reader.report()
        yield from found
    waiting.clear()


class _Reader:
    """Read one module."""

    def __init__(self, module: Module, program: Program) -> None:
        self.module, self.program, self.tree = module, program, program.tree
        self.resolver = program.tree.shared(resolver_of)
        self.seen = program.tree.shared(_Seen)
        self._written: set[str] | None = None
        self._scopes: dict[int, Scope] | None = None

    def report(self) -> None:
        if self.resolver.left <= 0:
            self.tree.report(self.module.text.file, "the values of its names are too many to be followed")

    def rest(self) -> Iterator[Reference]:
        """Return what is not loaded by a known call."""
        yield from self.by_keyword()
        yield from self.by_label()
        yield from self.mentioned()

    def ask_services(self) -> None:
        """Note what goes to services: whether it is a model of the Hub is not known."""
        self.seen.served.update((id(node), node) for node in asked_of_services(self.resolver, self.module))

    def loaded(self) -> Iterator[Reference]:
        for loader in loaders(self.resolver, self.module):
            self.resolver.begin()
            for use in uses(self.resolver, loader):
                if isinstance(use, Unknown):
                    yield unresolved(ast.unparse(use.argument.node), self.place(use.argument))
                elif found := list(self.used(use)):
                    yield from found
                elif is_impossible_id(use) and not self.is_local(use.piece.text.partition("/")[0]):
                    yield unresolved(repr(use.piece.text), self.place(use.piece.spot))

    def used(self, use: Use) -> Iterator[Reference]:
        """Return the reference of a use, if its text is the name of a model."""
        name = self.name_of(use)
        if name is None:
            return
        self.seen.add(use.piece.spot.node)
        grade: Grade = "possible" if use.sink.output else "certain" if use.piece.spot.direct else "likely"
        place = self.place(use.piece.spot, name.model)
        argument = self.place(use.argument)
        asked = {facet: piece.text for facet, piece in use.facets.items()}
        file = next((asked[each] for each in sinks.FILE_KEYWORDS if each in asked and each != "path"), None)
        found = reference(
            name,
            place,
            grade,
            revision=asked.get("revision"),
            filename=file,
            subfolder=asked.get("subfolder"),
            variant=asked.get("variant"),
            trust_remote_code=use.trusted,
            use_safetensors=use.safetensors,
            used_at=() if (argument.file, argument.line) == (place.file, place.line) else (argument,),
        )
        yield (
            found
            if found.canonical or not _is_sentence_model(use.name, name)
            else found.model_copy(update={"canonical": f"sentence-transformers/{name.model}"})
        )

    def name_of(self, use: Use) -> Name | None:
        text = use.piece.text.removeprefix("local:") if "embed" in use.name.lower() else use.piece.text
        if use.name == "load":  # gradio's way to name the kind of repository
            text = text.removeprefix("models/").removeprefix("huggingface/")
        name = read_name(text)
        if name is None or self.is_local(text):
            return None
        sink = use.sink
        if name.form is Form.BARE:
            if sink.owned or sink.addressed:
                return None
            return name if is_known_bare(name.model) else None
        return name if name.form is not Form.ID or not sink.addressed else None

    def is_local(self, text: str) -> bool:
        """Tell whether a text is the path of something in the tree, or that the module itself writes."""
        return self.tree.exists(text) or text in self.written()

    def written(self) -> set[str]:
        """Return the paths that the module writes to."""
        if self._written is None:
            self._written = set()
            for call, scope in self.module.calls:
                spots = [keyword.value for keyword in call.keywords if keyword.arg in _WRITTEN_KEYWORDS]
                if called_name(call) in _WRITERS:
                    spots += call.args[:1]
                for node in spots:
                    self.resolver.begin()
                    self._written.update(piece.text for piece in texts(self.resolver, Spot(node, scope)))
        return self._written

    def by_keyword(self) -> Iterator[Reference]:
        """Return what calls that are not in the table get under a keyword that names a model, through a name."""
        for call, scope in self.module.calls:
            name = called_name(call)
            around = scope.enclosing_class()
            owner = getattr(around.node, "name", "") if around is not None else ""
            if name in sinks.SINKS or is_aside(call) or is_hosted_place(owner, self.module.text.file):
                continue
            for keyword in call.keywords:
                if keyword.arg and not isinstance(keyword.value, ast.Constant):
                    key = plain_key(keyword.arg)
                    if says_model(Context((key,), call=call, keyword=keyword.arg)):
                        yield from self.keyword_value(keyword.value, scope, call, key)

    def keyword_value(self, value: ast.expr, scope: Scope, call: ast.Call, key: str) -> Iterator[Reference]:
        asked = [each.value for each in call.keywords if each.arg in sinks.REVISION_KEYWORDS]
        self.resolver.begin()
        revisions = texts(self.resolver, Spot(asked[0], scope)) if asked else []
        self.resolver.begin()
        for piece in texts(self.resolver, Spot(value, scope, direct=True)):
            name = labelled_name(piece.text.removeprefix("local:"), Context((key,)))
            if name is not None and not self.seen.is_settled(piece.spot.node) and not self.is_local(piece.text):
                self.seen.add(piece.spot.node)
                revision = revisions[0].text if len(revisions) == 1 else None
                yield reference(name, self.place(piece.spot, name.model), "likely", revision=revision)

    def by_label(self) -> Iterator[Reference]:
        """Return the strings whose label says that they are models, if the program uses what holds them."""
        found = labelled(self.module.tree, self.module.text.body)
        for node, context, owner in islice(found, MAX_LABELLED):
            text = str(node.value)
            if is_hosted_place(owner, self.module.text.file):
                continue
            context = of_class(context, owner)
            settled = self.seen.is_settled(node) or self.is_local(text)
            name = None if settled else labelled_name(text, context)
            if name is not None and self.program.uses_name(context.holder, self.module):
                self.seen.add(node)
                place = self.place(Spot(node, self.module.scope), name.model)
                revision = revision_beside(context) or self.revision_in(context)
                yield reference(name, place, "likely", revision=revision)
        if next(found, None) is not None:
            reason = f"the file has more than {MAX_LABELLED:,} texts in the form of names; the others were not judged"
            self.tree.report(self.module.text.file, reason)

    def revision_in(self, context: Context) -> str | None:
        """Return the revision that the call of a string asks for, if it is one."""
        call = context.call
        asked = [each.value for each in call.keywords if each.arg in sinks.REVISION_KEYWORDS] if call else []
        if not asked or call is None:
            return None
        if self._scopes is None:
            self._scopes = {id(each): scope for each, scope in self.module.calls}
        self.resolver.begin()
        found = texts(self.resolver, Spot(asked[0], self._scopes.get(id(call), self.module.scope)))
        return found[0].text if len(found) == 1 else None

    def mentioned(self) -> Iterator[Reference]:
        """Return the strings that name a model and that nothing above has read: addresses, constants."""
        yield from self.formatted()
        for literal in self.module.literals:
            if literal.node not in self.seen:
                yield from self.literal(literal)

    def literal(self, literal: Literally) -> Iterator[Reference]:
        text = str(literal.node.value)
        local = text.startswith("local:") and "embed" in literal.label  # llama-index: a model that is run here
        name = read_name(text.removeprefix("local:") if local else text)
        if name is None and not literal.label:
            yield from self.inside(literal)
        if name is None or name.form is Form.BARE or self.is_local(text):
            return
        labelled = _MODEL_LABEL.search(literal.label) and not _OTHER_LABEL.search(literal.label)
        place = self.place(Spot(literal.node, self.module.scope), name.model)
        if name.form in {Form.ADDRESS, Form.CLONE}:
            yield reference(name, place, "certain")
        elif name.form is Form.PAGE:
            yield reference(name, place, "likely" if literal.label in _PAGE_LABELS else "possible")
        elif labelled or literal.label == "hub_model_id":
            yield reference(name, place, "likely" if labelled and local else "possible")

    def inside(self, literal: Literally) -> Iterator[Reference]:
        """Return the models whose addresses are in a longer text, such as a command or a message."""
        for each in address_references(text_of_constant(literal.node, self.module)):
            yield each.model_copy(update={"grade": "possible" if each.grade == "possible" else "likely"})

    def formatted(self) -> Iterator[Reference]:
        """Return the addresses that f-strings put together."""
        for node, scope in self.module.formatted:
            self.resolver.begin()
            for piece in texts(self.resolver, Spot(node, scope)):
                name = read_name(piece.text)
                if name is not None and name.form in {Form.ADDRESS, Form.CLONE}:
                    yield reference(name, self.place(piece.spot), "likely")

    def place(self, spot: Spot, text: str = "") -> Place:
        """Return where an expression is in its file, or where a text is in it."""
        return place_of(spot.node, spot.scope.module, text)


def _is_sentence_model(call: str, name: Name) -> bool:
    return name.form is Form.BARE and _SENTENCE_CALLS.search(call) is not None


def place_of(node: ast.AST, module: Module, text: str = "") -> Place:
    """Return the place of a node, or of a text that begins on one of the node's lines."""
    if not hasattr(node, "lineno"):  # one that was made from others
        node = next((each for each in ast.walk(node) if hasattr(each, "lineno")), node)
    line: int = getattr(node, "lineno", 1)
    last: int = getattr(node, "end_lineno", None) or line
    lines = module.text.lines
    source = lines[line - 1] if line <= len(lines) else ""
    column = len(source.encode()[: getattr(node, "col_offset", 0)].decode(errors="replace"))
    for further in range(line, min(last, line + 5, len(lines)) + 1):
        at = lines[further - 1].find(text, column if further == line else 0) if text else -1
        if at >= 0:
            return module.text.place(further, at + 1)
    return module.text.place(line, column + 1)
