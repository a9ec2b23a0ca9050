"""The modules of a tree together: which file an import names, and where a function is called.

A module is parsed when it is read or when another one imports it. Files in which no text looks like a model or like a
call that loads one are parsed only if they are imported, so that a large tree is read in seconds.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from lineage.audit.discovery.flow.scopes import Imported, Module, Scope
from lineage.audit.discovery.names import read_name

if TYPE_CHECKING:
    from lineage.audit.discovery.texts import Text
    from lineage.audit.discovery.tree import Tree

MAX_PARSED = 30_000_000
"""Characters of source that are parsed for one tree; a syntax tree takes some thirty times as many bytes."""

MAX_SEARCHED = 2_000_000_000
"""Characters in which names are searched for one tree; names that are asked for later count as used."""

_WORDS = re.compile(
    r"from_pretrained|huggingface|hf_hub|hf-hub|hf://|hf\.co/|SentenceTransformer|CrossEncoder|snapshot_download"
    r"|transformers|model_name_or_path|sentence_transformers|vllm|load_lora|diffusers|InferenceClient|HfInference"
    r"|pretrained=|model_name=|--[\w-]*model|llama-server|llama-cli|import timm|from timm|open_clip|BERTopic|KeyBERT"
    r"|fastembed|custom_generate"
)
_QUOTED = re.compile(r"""["'`](?:local:|models/)?([A-Za-z0-9][\w.-]+/[A-Za-z0-9][\w.{}$-]+(?:[@:][\w.-]+)?)["'`]""")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")

_SETTINGS = re.compile(r"(?:^|/)(?:configs?|conf|settings)(?:/.*)?\.(?:py|js|ts|mjs|cjs)$|(?:^|/)[\w.]+\.config\.\w+$")
"""The names of files of settings."""

_SCRIPT_SUFFIXES = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")


class Program:
    """Hold the modules of one tree. `Tree.shared(Program)` makes it once."""

    def __init__(self, tree: Tree) -> None:
        """List the modules; none is parsed yet."""
        self.tree = tree
        self._modules: dict[str, Module | None] = {}
        self._parsed = 0
        self._calls: dict[tuple[str, str], list[tuple[ast.Call, Scope]]] = {}
        self._mentioning: dict[str, list[Module]] = {}
        self._matters: dict[str, bool] = {}
        self._used: dict[tuple[str, str], bool] = {}
        self._words: dict[str, Counter[str]] = {}
        self._mentioned: dict[tuple[str, tuple[str, ...]], list[Text]] = {}
        self._left = MAX_SEARCHED
        self._imports: dict[tuple[str, int, str], str] = {}

    @cached_property
    def _tails(self) -> dict[str, list[str]]:
        """Return the Python files by their last name: `config` for `app/config.py` and `app/config/__init__.py`."""
        tails = defaultdict(list)
        for file in self.tree.files:
            if file.endswith(".py"):
                path = file.removesuffix(".py").removesuffix("/__init__")
                tails[path.rpartition("/")[2]].append(path)
        return tails

    def module(self, file: str) -> Module | None:
        """Return a file's module; None if it is not a file of the tree, or cannot be parsed."""
        if file not in self._modules:
            self._modules[file] = None  # an import circle ends here
            text = self.tree.text(file) if self.tree.exists(file) else None
            if text is not None:
                self._modules[file] = self._parse(text)
        return self._modules[file]

    def piece(self, text: Text, language: str = "python") -> Module | None:
        """Return the module of a text that is a piece of a file, such as the cells of a notebook."""
        return self._parse(text, language)

    def _parse(self, text: Text, language: str = "") -> Module | None:
        from lineage.audit.discovery.flow.parsing import parse

        self._parsed += len(text.body)
        if self._parsed > MAX_PARSED:
            self.tree.report(text.file, f"more than {MAX_PARSED:,} characters of source were parsed before this file")
            return None
        script = language == "javascript" or (not language and text.file.endswith(_SCRIPT_SUFFIXES))
        return parse(text, self.tree, script=script)

    def calls(self, name: str, mention: str = "") -> list[tuple[ast.Call, Scope]]:
        """Return the calls of anything with this name, in the modules that may matter and that mention it.

        `mention` is another name that the modules have to mention, such as that of the class whose `cls` is called.
        """
        wanted = mention or name
        if (name, wanted) not in self._calls:
            found: list[tuple[ast.Call, Scope]] = []
            self._calls[name, wanted] = found
            for module in self.mentioning(wanted):
                found.extend(module.calls_by_name.get(name, ()))
        return self._calls[name, wanted]

    def mentioning(self, name: str) -> list[Module]:
        """Return the modules that may matter and that have a name in their text."""
        if name not in self._mentioning:
            texts = ((file, self.tree.text(file)) for file in self._mattering)
            files = [file for file, text in texts if text is not None and name in text.body]
            self._mentioning[name] = [module for file in files if (module := self.module(file)) is not None]
        return self._mentioning[name]

    @cached_property
    def _mattering(self) -> list[str]:
        return [file for file in self.tree.files if file.endswith((".py", *_SCRIPT_SUFFIXES)) and self.matters(file)]

    def matters(self, file: str) -> bool:
        """Tell whether a file has a text that is the name of a model, or a word of the libraries that load one."""
        if file not in self._matters:
            text = self.tree.text(file)
            self._matters[file] = text is not None and (
                _WORDS.search(text.body) is not None
                or any("{" in each or read_name(each) is not None for each in set(_QUOTED.findall(text.body)))
            )
        return self._matters[file]

    def uses_name(self, name: str, module: Module) -> bool:
        """Tell whether a module, or another one that names this one, uses a name beyond binding it once.

        An empty name holds nothing: what is an argument of a call is used there. What a file of settings binds is read
        by a framework, such as that of Django or of mmengine.
        """
        file = module.text.file
        if not name or self._left <= 0 or _SETTINGS.search(file):
            return True
        stem = posixpath.splitext(posixpath.basename(file))[0]
        if stem in {"__init__", "index"}:
            stem = posixpath.basename(posixpath.dirname(file))
        if (name, file) not in self._used:
            self._used[name, file] = self._words_in(module.text)[name] > 1 or any(
                name in body for body in self._naming(stem, file)
            )
        return self._used[name, file]

    def _naming(self, stem: str, file: str) -> Iterator[str]:
        """Return the other texts in the language of a file that name its module."""
        kind = (".py", ".ipynb") if file.endswith((".py", ".pyi", ".ipynb")) else _SCRIPT_SUFFIXES
        if (stem, kind) not in self._mentioned:
            texts = (self.tree.text(each) for each in self.tree.files if each.endswith(kind))
            self._mentioned[stem, kind] = [text for text in texts if text is not None and self._has(stem, text)]
        for text in self._mentioned[stem, kind]:
            if text.file != file:
                self._left -= len(text.body)
                yield text.body

    def _has(self, stem: str, text: Text) -> bool:
        self._left -= len(text.body)
        return self._left > 0 and stem in text.body

    def _words_in(self, text: Text) -> Counter[str]:
        key = text.file if text.is_whole else f"{text.file} {id(text)}"
        if key not in self._words:
            self._words[key] = Counter(_WORD.findall(text.body))
        return self._words[key]

    def imported(self, what: Imported, importer: Module) -> tuple[Module | None, str | None]:
        """Return the module that an import names, and the name to look up in it; (None, …) if it is not in the tree."""
        if importer.language == "javascript":
            return self._script(what.module, importer.text.file), what.name
        if what.name is not None:
            within = f"{what.module}.{what.name}" if what.module else what.name
            module = self._python(within, what.level, importer.text.file)
            if module is not None:
                return module, None
        return self._python(what.module, what.level, importer.text.file), what.name

    def _python(self, dotted: str, level: int, importer: str) -> Module | None:
        key = (dotted, level, posixpath.dirname(importer))
        if key not in self._imports:
            self._imports[key] = self._found(dotted, level, importer)
        return self.module(self._imports[key]) if self._imports[key] else None

    def _found(self, dotted: str, level: int, importer: str) -> str:
        """Return the file of a Python module; empty if the tree does not have it."""
        relative = dotted.replace(".", "/")
        folder = posixpath.dirname(importer)
        if level:
            for _ in range(level - 1):
                folder = posixpath.dirname(folder)
            return self._first(posixpath.join(folder, relative).rstrip("/"))
        candidates = self._tails.get(relative.rpartition("/")[2], [])
        if not relative or not candidates:
            return ""
        fitting = [
            path
            for path in candidates
            if (path == relative or path.endswith(f"/{relative}"))
            and self._may_be_root(path[: -len(relative)].rstrip("/"), folder)
        ]
        if not fitting:
            return ""
        return self._first(
            max(fitting, key=lambda path: (len(posixpath.commonpath([path, folder])) if folder else 0, -len(path)))
        )

    def _may_be_root(self, root: str, importer: str) -> bool:
        """Tell whether Python may search a folder for modules: it is no package, or the importing file is below it."""
        return not root or importer == root or importer.startswith(f"{root}/") or not self._is_package(root)

    def _is_package(self, folder: str) -> bool:
        return self.tree.exists(f"{folder}/__init__.py")

    def _first(self, path: str) -> str:
        for file in (f"{path}.py", f"{path}/__init__.py" if path else "__init__.py"):
            if self.tree.exists(file):
                return file
        return ""

    def _script(self, module: str, importer: str) -> Module | None:
        """Find a JavaScript module by its relative path, or by `@/` and `~/` from a source folder."""
        if module.startswith("."):
            paths = [posixpath.normpath(posixpath.join(posixpath.dirname(importer), module))]
        elif module.startswith(("@/", "~/", "$lib/")):
            rest = module.split("/", 1)[1]
            folders = _folders_above(importer)
            paths = [
                posixpath.normpath(posixpath.join(folder, part, rest))
                for folder in folders
                for part in ("", "src", "src/lib", "app")
            ]
        else:
            return None
        for path in paths:
            stem = re.sub(r"\.(js|mjs|cjs|jsx)$", "", path)
            for suffix in ("", *_SCRIPT_SUFFIXES, "/index.ts", "/index.js", "/index.tsx"):
                for file in dict.fromkeys((path + suffix, stem + suffix)):
                    if file.endswith(_SCRIPT_SUFFIXES) and self.tree.exists(file):
                        return self.module(file)
        return None


def _folders_above(file: str) -> list[str]:
    """Return the folders that a file is in, the innermost first; the root is the empty text."""
    found = []
    folder = posixpath.dirname(file)
    while folder:
        found.append(folder)
        folder = posixpath.dirname(folder)
    return [*found, ""]


def imports_of(module: Module) -> Iterator[Imported]:
    """Return the imports of a module's own scope."""
    for bindings in list(module.scope.names.values()):
        yield from (each.node for each in bindings if isinstance(each.node, Imported))
    yield from module.stars
