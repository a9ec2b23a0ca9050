"""Which parser reads which file. A parser takes a text and the tree that it is in, and yields references."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from lineage.audit.discovery.addresses import COMMENTS, address_references
from lineage.audit.discovery.containers import dockerfile_references
from lineage.audit.discovery.documents import (
    json_references,
    lines_references,
    list_references,
    table_references,
    toml_references,
    yaml_references,
)
from lineage.audit.discovery.javascript import html, javascript
from lineage.audit.discovery.makefiles import (
    commands_references,
    justfile_references,
    makefile_references,
    modelfile_references,
    submodules_references,
)
from lineage.audit.discovery.markdown import markdown_references, rst_references
from lineage.audit.discovery.markup import config_references, textproto_references, xml_references
from lineage.audit.discovery.notebooks import notebook_references
from lineage.audit.discovery.other_code import groovy_references, other_code_references
from lineage.audit.discovery.python import python
from lineage.audit.discovery.scripts import script_references
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.windows import batch_references, powershell_references
from lineage_schemas.reference import Reference

Parser = Callable[[Text, Tree], Iterable[Reference]]
"""Read one text. What it cannot read it notes by `tree.report`; it raises nothing for a text that is broken."""


def parser_of(file: str) -> Parser | None:
    """Return the parser of a file by its name; None if only the first line or the content can say what it is.

    `Dockerfile.gpu`, `.env.example` and `values.yaml.j2` are read as what they are made from or for.
    """
    name = file.rpartition("/")[2].lower()
    for wrapped in _WRAPPINGS:
        name = name.removesuffix(wrapped)
    head = re.split(r"[.-]", name[1:], maxsplit=1)[0]
    suffix = name.rpartition(".")[2] if "." in name else ""
    if suffix in ("txt", "lst", "list") and _MODELS.search(name):
        return list_references
    return _BY_NAME.get(name) or _BY_SUFFIX.get(suffix) or _BY_NAME.get(name[:1] + head)


def parser_of_program(program: str) -> Parser | None:
    """Return the parser of a script by the program that its first line names, such as `python3` or `bash`."""
    return _BY_PROGRAM.get(program.rstrip("0123456789."))


def any_text(text: Text, tree: Tree) -> Iterable[Reference]:
    """Read the addresses of models in a text of any kind, but for lines that most languages take as a comment."""
    for found in address_references(text):
        if not text.lines[found.line - 1].lstrip().startswith(COMMENTS):
            yield found


_OTHER_CODE = (
    "go rs java kt kts scala cs fs swift rb php r jl lua dart ex exs c cc cpp h hpp m mm zig nim pl clj nix"
    " sql smk bzl bazel star cmake"
)
"""Suffixes of languages that have no parser of their own."""

_MODELS = re.compile(r"(?:^|[\W_])(?:models?|checkpoints|llms|embedders|rerankers)(?:[\W_]|$)")
"""Names of files that list models."""

_WRAPPINGS = (
    ".j2",
    ".jinja",
    ".jinja2",
    ".tpl",
    ".tmpl",
    ".template",
    ".example",
    ".sample",
    ".dist",
    ".default",
    ".in",
)
"""Suffixes that say what a file is for, not what it holds."""

_BY_NAME: dict[str, Parser] = {
    **dict.fromkeys(("dockerfile", "containerfile", "earthfile"), dockerfile_references),
    **dict.fromkeys(("makefile", "gnumakefile"), makefile_references),
    **dict.fromkeys(("justfile", ".justfile"), justfile_references),
    **dict.fromkeys((".env", ".flaskenv", ".editorconfig"), lines_references),
    ".envrc": script_references,
    "modelfile": modelfile_references,
    **dict.fromkeys(("procfile", "crontab"), commands_references),
    "mlproject": yaml_references,
    **dict.fromkeys(
        ("snakefile", "tiltfile", "cmakelists", "vagrantfile", "brewfile", "pulumifile"), other_code_references
    ),
    "jenkinsfile": groovy_references,
    ".gitmodules": submodules_references,
}
"""Parsers of files that have a name of their own, such as `Dockerfile`, in lower case."""

_BY_SUFFIX: dict[str, Parser] = {
    **dict.fromkeys(
        ("sh", "bash", "zsh", "ksh", "fish", "bats", "command", "slurm", "sbatch", "pbs", "lsf", "def"),
        script_references,
    ),
    **dict.fromkeys(("yaml", "yml", "dvc"), yaml_references),
    **dict.fromkeys(("json", "jsonc", "json5", "webmanifest"), json_references),
    **dict.fromkeys(("csv", "tsv"), table_references),
    "toml": toml_references,
    **dict.fromkeys(("ps1", "psm1"), powershell_references),
    **dict.fromkeys(("bat", "cmd"), batch_references),
    **dict.fromkeys(_OTHER_CODE.split(), other_code_references),
    **dict.fromkeys(
        (
            "env",
            "ini",
            "cfg",
            "conf",
            "properties",
            "tf",
            "tfvars",
            "hcl",
            "jsonnet",
            "libsonnet",
            "gin",
            "bicep",
            "cue",
        ),
        lines_references,
    ),
    **dict.fromkeys(("xml", "plist", "csproj", "props", "resx"), xml_references),
    "config": config_references,
    **dict.fromkeys(("pbtxt", "textproto", "prototxt"), textproto_references),
    **dict.fromkeys(("dockerfile", "containerfile"), dockerfile_references),
    **dict.fromkeys(("mk", "make"), makefile_references),
    "just": justfile_references,
    "modelfile": modelfile_references,
    **dict.fromkeys(("service", "container"), commands_references),
    **dict.fromkeys(("groovy", "gradle", "nf"), groovy_references),
    **dict.fromkeys(("py", "pyi", "pyw"), python),
    **dict.fromkeys(("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"), javascript),
    "ipynb": notebook_references,
    **dict.fromkeys(("md", "markdown", "mdx", "rmd", "qmd", "mdc"), markdown_references),
    "rst": rst_references,
    **dict.fromkeys(("html", "htm", "vue", "svelte", "astro"), html),
}
"""Parsers by suffix, without its dot and in lower case."""

_BY_PROGRAM: dict[str, Parser] = {
    **dict.fromkeys(("sh", "bash", "zsh", "ksh", "dash", "ash", "fish"), script_references),
    "make": makefile_references,
    "python": python,
    **dict.fromkeys(("node", "deno", "bun"), javascript),
}
"""Parsers of scripts by the name of the program that runs them."""
