"""Configurations: the models that the keys, arguments and scripts of a configuration name, whatever its format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from lineage.audit.discovery import configuration_keys as known
from lineage.audit.discovery import model_keys as keys
from lineage.audit.discovery.addresses import address_references
from lineage.audit.discovery.configuration_subjects import (
    MAX_ABOVE,
    is_alias,
    is_evident,
    is_of_dataset,
    is_plausible,
    is_result,
    subject,
)
from lineage.audit.discovery.configuration_words import (
    environment_of,
    has_flags,
    is_single,
    is_word,
    is_words,
    variables_of,
    words_of,
)
from lineage.audit.discovery.elsewhere import chart_values, environment
from lineage.audit.discovery.hosted import is_hosted
from lineage.audit.discovery.json_nodes import json_nodes_and_problem
from lineage.audit.discovery.model_keys import Meaning
from lineage.audit.discovery.names import Form, Name, read_name
from lineage.audit.discovery.nodes import ListNode, MapNode, Node, Scalar, scalars
from lineage.audit.discovery.references import is_commit, reference
from lineage.audit.discovery.scripts import (
    command_references,
    embedded_references,
    shell_references,
    without_definitions,
)
from lineage.audit.discovery.shell import Command, Word, commands, word_of
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.variables import MAX_VALUES, Assigned, values
from lineage.audit.discovery.yaml_nodes import yaml_nodes

if TYPE_CHECKING:
    from lineage_schemas.product import Grade
    from lineage_schemas.reference import Reference

MAX_NESTED = 3
"""Configurations that are values of configurations."""

_SPEAKING = re.compile(r"[/\s${\[:=]")
"""Characters of a value that may name a model in any way but by a name without an owner."""

_FEW = 20

MAX_MERGED = 200
"""Keys of a mapping that YAML merges into another."""

_REFERRED = re.compile(r"\$\{([\w.]+)\}")
_DEFAULT = re.compile(r"\$\{(?:oc\.env:)?[\w.]+[ ]*[:,][=-]?[ ]*([^\s${}:,'\"=+-][^\s${},'\"]*)[ ]*\}")
"""A variable with its default in OmegaConf, `${oc.env:A,org/x}`, and in Spring and its like, `${A:org/x}`."""

_MAPPING = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n|---\n)*[ \t]*(?:- )?[A-Za-z_][\w.-]*:[ \t]*(?:\n|[^\s/])")
"""The first line of a mapping in YAML; `https://…` is none."""

_NULLS = frozenset({"null", "none", "~", ""})
"""Values without quotes that say that there is none."""

_PARTS = re.compile(r"[^\s;,+|]+")


class _Spot(NamedTuple):
    """Hold a node that is still to be read, the keys above it, and the mappings that it is in, the nearest last."""

    node: Node
    path: tuple[str, ...] = ()
    inside: tuple[MapNode, ...] = ()


def configuration_references(source: Text, root: Node, tree: Tree, depth: int = 0) -> Iterator[Reference]:
    """Read a configuration, which may itself be a value of `depth` others."""
    yield from without_definitions(_Reader(source, root, tree, depth).read(_Spot(root)))


class _Reader:
    """Read one configuration, with a stack and no recursion."""

    def __init__(self, source: Text, root: Node, tree: Tree, depth: int) -> None:
        self._depth = depth
        self._source, self._root, self._tree = source, root, tree
        self._done: set[int] = set()
        self._lookups: dict[int, dict[str, str]] = {}
        self._counts: dict[int, int] = {}
        self._names: Assigned | None = None
        self._is_template = "{{" in source.body
        self._kept: list[Node | None] = []  # so that no other node gets the id of one of them

    def read(self, start: _Spot) -> Iterator[Reference]:
        """Read all nodes in the order of the file."""
        stack = [start]
        while stack:
            spot = stack.pop()
            if id(spot.node) in self._done:
                continue
            if isinstance(spot.node, Scalar):
                yield from self._value(spot, spot.node)
            elif isinstance(spot.node, ListNode):
                yield from self._list(spot, spot.node, stack)
            else:
                yield from self._mapping(spot, spot.node, stack)

    def _mapping(self, spot: _Spot, node: MapNode, stack: list[_Spot]) -> Iterator[Reference]:
        if spot.path[:2] == ("tool", "lineage"):  # the project file's own reader reads it
            return
        yield from self._container(node)
        yield from self._called(node)
        inside = (*spot.inside, node)[-MAX_ABOVE:]
        found = []
        for key, value in node.entries:
            path = (*spot.path[-2 * MAX_ABOVE :], _key(key))
            if spot.path and known.holds_models(spot.path[-1]) and "/" in key.text:
                yield from self._named(_Spot(key, spot.path, inside), key)
            found.append(_Spot(value, path, inside))
        stack.extend(reversed(found))

    def _list(self, spot: _Spot, node: ListNode, stack: list[_Spot]) -> Iterator[Reference]:
        """Read a list: of arguments, of commands, of variables with their values, or of anything else."""
        environment = environment_of(node, spot.path[-1] if spot.path else "")
        if environment is not None:
            self._kept.append(environment)
            stack.append(_Spot(environment, spot.path, spot.inside))
        elif is_words(node) and ((spot.path[-1:] and spot.path[-1] in known.ARGUMENTS) or has_flags(node)):
            yield from command_references([Command(words=words_of(node))], self._tree, variables=self._outer())
        else:
            stack.extend(_Spot(item, spot.path, spot.inside) for item in reversed(node.items))

    def _container(self, node: MapNode) -> Iterator[Reference]:
        """Read the words that a container is started with: of its entry point and its arguments together."""
        parts = [node.get(name) for name in ("entrypoint", "command", "Entrypoint", "Command", "args", "Cmd")]
        given = [part for part in parts if part is not None and not isinstance(part, MapNode) and is_single(part)]
        image = node.text("image", "Image")
        if not given or not (image or (len(given) > 1 and all(is_words(part) or is_word(part) for part in given))):
            return
        variables = {**self._outer(), **variables_of(node)}
        words: list[Word] = []
        for part in given:
            self._done.add(id(part))
            if isinstance(part, ListNode):
                words.extend(words_of(part))
                continue
            found = commands(part.as_text(), newlines=not part.is_folded)
            if len(found) != 1:  # a script
                yield from command_references(found, self._tree, variables=variables, image=image)
            else:
                words.extend(found[0].words)
        yield from command_references([Command(words=words)], self._tree, variables=variables, image=image)

    def _called(self, node: MapNode) -> Iterator[Reference]:
        """Read the arguments of what Hydra calls: `_target_: transformers.AutoModel.from_pretrained`."""
        target, arguments = node.text("_target_"), node.get("_args_")
        if not known.LOADERS.search(target) or not isinstance(arguments, ListNode):
            return
        self._done.add(id(arguments))
        for scalar in list(scalars(arguments))[:1]:
            name = read_name(scalar.text)
            if name is not None:
                yield self._reference(name, scalar, "model", "certain", (node,))

    def _value(self, spot: _Spot, scalar: Scalar) -> Iterator[Reference]:
        """Read a single value by its key: as a file, a script, the name of a model, or a text with addresses."""
        key = spot.path[-1] if spot.path else ""
        if not _SPEAKING.search(scalar.text) and not keys.is_known_bare(scalar.text):
            return
        file = key if known.FILE_KEY.fullmatch(key) else self._written_to(spot)
        if file and "\n" in scalar.text:
            yield from embedded_references(scalar.as_text(), self._tree, file)
        elif nested := self._nested(key, scalar):
            yield from configuration_references(scalar.as_text(), nested, self._tree, self._depth + 1)
        elif (values_in := self._listed(scalar)) is not None:
            yield from self.read(_Spot(values_in, spot.path, spot.inside))
        elif known.PAIRS.fullmatch(scalar.text) and (key.endswith("args") or keys.meaning(key) == Meaning.MODEL):
            yield from command_references([Command(words=[word_of(scalar.as_text())])], self._tree)
        elif key in known.ENVIRONMENTS and known.SETTINGS.fullmatch(scalar.text):
            yield from embedded_references(scalar.as_text(), self._tree, "x.env")
        elif self._is_script(key, spot.path[-2] if len(spot.path) > 1 else "", scalar):
            yield from self._script(spot, scalar)
        else:
            found = list(self._named(spot, scalar))
            yield from found or self._addresses(spot, scalar)

    def _written_to(self, spot: _Spot) -> str:
        """Return the name of the file that a text becomes: `path` beside `content`, as in cloud-init; else empty."""
        beside = spot.inside[-1] if spot.inside else MapNode()
        is_content = spot.path[-1:] in (("content",), ("contents",), ("data",))
        return beside.text("path", "dest", "filename").rpartition("/")[2] if is_content else ""

    def _listed(self, scalar: Scalar) -> Node | None:
        """Return the nodes of a text that is a list or mapping of JSON: `MODELS: '["org/a", "org/b"]'`."""
        brackets = scalar.text[:1] + scalar.text.rstrip()[-1:]
        if brackets not in ("[]", "{}") or "/" not in scalar.text or scalar.text.startswith("{{"):
            return None
        node, problem = json_nodes_and_problem(scalar.as_text())
        if problem or isinstance(node, Scalar):
            return None
        self._kept.append(node)
        return node

    def _nested(self, key: str, scalar: Scalar) -> Node | None:
        """Return the nodes of a text that is YAML itself, such as a patch of Kustomize; None for any other text."""
        is_other = key in known.PROSE or known.is_script(key) or self._depth >= MAX_NESTED
        if is_other or scalar.text.count("\n") < 2 or not _MAPPING.match(scalar.text) or "{{" in scalar.text:
            return None
        documents, problem = yaml_nodes(scalar.as_text())
        return None if problem else ListNode(documents)

    def _is_script(self, key: str, above: str, scalar: Scalar) -> bool:
        is_flag = scalar.text.startswith("--")
        if key in known.PROSE or not (is_flag or any(char.isspace() for char in scalar.text.strip())):
            return False
        if known.FLAGS.search(scalar.text) or known.is_command(scalar.text):
            return True
        return known.is_script(key) or known.is_script(above)

    def _script(self, spot: _Spot, scalar: Scalar) -> Iterator[Reference]:
        node = spot.inside[-1] if spot.inside else MapNode()
        shell = node.text("shell")
        if "python" in shell:
            yield from embedded_references(scalar.as_text(), self._tree, "x.py")
            return
        variables = {name: words for each in spot.inside for name, words in variables_of(each).items()}
        if "{{" in scalar.text or "${" in scalar.text:
            variables = {**chart_values(self._tree, self._source.file), **self._by_name(), **variables}
        newlines = not scalar.is_folded and not (spot.path and spot.path[-1] in known.ARGUMENTS)
        yield from shell_references(scalar.as_text(), self._tree, variables=variables, newlines=newlines,
                                    image=node.text("image"))  # fmt: skip

    def _addresses(self, spot: _Spot, scalar: Scalar) -> Iterator[Reference]:
        key = spot.path[-1] if spot.path else ""
        revision = self._checked_out(spot, scalar)
        for found in address_references(scalar.as_text()):
            if revision and found.grade == "possible":
                update = {"grade": "likely", "revision": revision, "pinned": is_commit(revision)}
                found = found.model_copy(update=update)
            yield found.model_copy(update={"grade": "possible"}) if key in known.PROSE else found

    def _checked_out(self, spot: _Spot, scalar: Scalar) -> str | None:
        """Return what git checks out of the repository whose address a value is, such as `targetRevision` beside it."""
        key = spot.path[-1] if spot.path else ""
        if not spot.inside or key not in known.CLONED or " " in scalar.text:
            return None
        beside = self._lookup(spot.inside[-1])
        return next((beside[each] for each in known.CHECKED_OUT if each in beside), None)

    def _named(self, spot: _Spot, scalar: Scalar) -> Iterator[Reference]:
        """Read the value of a key of a model."""
        key, meaning = subject(spot.path, spot.inside)
        beside = spot.inside[-1] if spot.inside else MapNode()
        if meaning in (Meaning.OTHER, Meaning.UNKNOWN):
            meaning = Meaning.MODEL if is_evident(spot.path, scalar.text, self._lookup(beside)) else meaning
        elif meaning == Meaning.MODEL and keys.is_weak(key):
            meaning = meaning if is_plausible(scalar.text, key, self._lookup(beside)) else Meaning.OTHER
        is_model = meaning in (Meaning.MODEL, Meaning.OUTPUT) and not self._is_other_repository(spot)
        if not is_model or is_alias(spot.path[-1] if spot.path else "", beside):
            return
        is_aside = meaning == Meaning.OUTPUT or is_result(self._source.file, self._lookup(beside))
        hosted: bool | None = None
        if spot.path[-2:-1] == ("litellm_params",):
            hosted = not known.LITELLM.fullmatch(scalar.text)
        for value, grade in self._candidates(spot, scalar):
            for at, name in _names(value, bare=key != "storage_uri"):
                if hosted is None:
                    hosted = is_hosted(spot.path, [self._lookup(node) for node in spot.inside])
                if name.form in (Form.ID, Form.BARE) and hosted:
                    continue
                sure: Grade = "possible" if is_aside else grade or known.grade(key, name)
                yield self._reference(name, value, key, sure, spot.inside, at)

    def _candidates(self, spot: _Spot, scalar: Scalar) -> Iterator[tuple[Scalar, Grade | None]]:
        """Return the values of a scalar: what `${a.b}` refers to, the default in `${A:-org/x}`, or itself."""
        referred, default = _REFERRED.fullmatch(scalar.text), _DEFAULT.fullmatch(scalar.text)
        if referred and (found := self._at_path(referred[1].split("."))) is not None:
            yield found, "likely"
        elif default:
            yield scalar.part(*default.span(1)), "likely"
        elif "${" in scalar.text or "{{" in scalar.text:
            words = [word for command in commands(scalar.as_text(), newlines=False) for word in command.words]
            outer = {**environment(self._tree, self._source.file), **self._outer()}
            for value in values(words[0], outer) if len(words) == 1 else ():
                if not value.direct:
                    yield Scalar(value.source, value.text, value.at), "likely"
        else:
            yield scalar, None

    def _at_path(self, path: list[str]) -> Scalar | None:
        """Return the single value at a path from the root."""
        node: Node | None = self._root
        if isinstance(node, ListNode) and len(node.items) == 1:
            node = node.items[0]
        for part in path:
            node = node.get(part) if isinstance(node, MapNode) else None
        return node if isinstance(node, Scalar) else None

    def _is_other_repository(self, spot: _Spot) -> bool:
        """Return whether the mapping says that its repository is a dataset, a Space or an image."""
        beside = spot.inside[-1] if spot.inside else MapNode()
        is_image = spot.path[-1:] in (("repository",), ("repo",)) and beside.get("tag") is not None
        return is_image or is_of_dataset(beside)

    def _reference(
        self, name: Name, scalar: Scalar, key: str, grade: Grade, inside: tuple[MapNode, ...], at: int = 0
    ) -> Reference:
        """Make a reference with what the keys beside it ask for."""
        beside = self._lookup(inside[-1]) if inside else {}
        outer = self._lookup(inside[-2]) if len(inside) > 1 and self._is_only_model(*inside[-2:]) else {}
        alone = inside and self._models(inside[-1]) <= 1
        subject = "model" if alone and grade != "possible" else key

        def asked(what: str) -> str | None:
            return (
                keys.asked_of(key, what, beside.get)
                or keys.asked_of(subject, what, beside.get)
                or (keys.asked_of("model", what, outer.get) if what == "revision" else None)
            )

        trusted = beside.get("trust_remote_code")
        return reference(
            name,
            scalar.as_text().place_at(at),
            grade,
            revision=asked("revision") if grade != "possible" else None,
            filename=asked("filename"),
            subfolder=asked("subfolder"),
            variant=asked("variant"),
            trust_remote_code=None if trusted is None else trusted.lower() in {"true", "yes", "1", "on"},
        )

    def _is_only_model(self, outer: MapNode, inner: MapNode) -> bool:
        """Return whether a mapping is the model of the one around it: `{model: {name: org/x}, revision: v1}`."""
        found = [key.text for key, value in outer.entries[:_FEW] if value is inner]
        return bool(found) and keys.meaning(keys.plain_key(found[0])) == Meaning.MODEL and self._models(outer) == 0

    def _models(self, node: MapNode) -> int:
        """Return how many keys of a mapping are those of models."""
        if id(node) not in self._counts:
            self._counts[id(node)] = sum(keys.meaning(each) == Meaning.MODEL for each in self._lookup(node))
        return self._counts[id(node)]

    def _outer(self) -> Assigned:
        """Return what a template calls: the values of its chart, and those of the document itself."""
        if not self._is_template:
            return {}
        return {**chart_values(self._tree, self._source.file), **self._by_name()}

    def _by_name(self) -> Assigned:
        """Return the single values of the whole document, and those in lists, by their keys: what a template calls."""
        if self._names is None:
            self._names, stack = {}, [self._root]
            while stack:
                node = stack.pop()
                if isinstance(node, ListNode):
                    stack.extend(node.items)
                elif isinstance(node, MapNode):
                    for key, value in node.entries:
                        stack.append(value)
                        found = [
                            word_of(each.as_text()) for each in scalars(value) if each.text and "{{" not in each.text
                        ]
                        self._names.setdefault(key.text, []).extend(found[:MAX_VALUES])
        return self._names

    def _lookup(self, node: MapNode) -> dict[str, str]:
        """Return the single values of a mapping by their keys in the form of `plain_key`."""
        if id(node) not in self._lookups:
            self._lookups[id(node)] = {
                keys.plain_key(key.text): value.text
                for entries in (*(each.entries[:MAX_MERGED] for each in node.merged[:MAX_NESTED]), node.entries)
                for key, value in entries
                if isinstance(value, Scalar) and (value.is_string or value.text.lower() not in _NULLS)
            }
        return self._lookups[id(node)]


def _key(key: Scalar) -> str:
    return key.text if known.FILE_KEY.fullmatch(key.text) else keys.plain_key(key.text)


def _names(scalar: Scalar, *, bare: bool) -> Iterator[tuple[int, Name]]:
    """Return the names in a value, each with its place: one, several with marks between, or `base+adapter`."""
    name = keys.read_value(scalar.text, bare=bare)
    if name is not None:
        yield len(scalar.text) - len(scalar.text.lstrip()), name
    elif "/" in scalar.text and len(scalar.text) < 5_000 and "=" not in scalar.text:
        parts = [(match.start(), keys.read_value(match[0], bare=bare)) for match in _PARTS.finditer(scalar.text)]
        if len(parts) > 1 and all(found is not None for _, found in parts):
            yield from ((at, found) for at, found in parts if found is not None)
