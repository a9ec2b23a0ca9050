"""Variables that another file of the tree sets: an `.env` beside a compose file, the values of a chart of Helm.

A name that is set in its own file has the value from there. For any other, the nearest folder counts that has a file
which sets it, from the folder of the file upwards.
"""

from __future__ import annotations

import re
from collections import defaultdict

from lineage.audit.discovery.nodes import ListNode, MapNode, Node, Scalar
from lineage.audit.discovery.shell import word_of
from lineage.audit.discovery.tree import Tree
from lineage.audit.discovery.variables import MAX_VALUES, Assigned
from lineage.audit.discovery.yaml_nodes import yaml_nodes

MAX_FILES = 200
"""Files of variables, and of values, that are read of one tree."""

MAX_NAMES = 5_000
"""Names that are taken from one file."""

_ENVIRONMENT = re.compile(
    r"(?:^|/)(?:\.env[\w.-]*|[\w-]+\.env|env\.list|\.?env\.example"
    r"|(?:env|config|settings|vars|variables|models|versions|common|defaults)\.(?:sh|mk|bash))$"
)
_PLAYED = re.compile(r"(?:^|/)(?:group_vars|host_vars|vars|defaults)/[\w./-]+\.ya?ml$")
"""Files of variables of Ansible, which its tasks and templates use by their names alone."""

_SET = re.compile(
    r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*[?:+]?=[ \t]*"
    r"(?:\"([^\"\n$]+)\"|'([^'\n]+)'|([^\s#'\"$]+))"
)
_VALUES = re.compile(r"(?:^|/)values[\w.-]*\.ya?ml$")


def environment(tree: Tree, file: str) -> Assigned:
    """Return the variables that files such as `.env` set for a file: those of the nearest folder, name by name."""
    folders = tree.shared(_environments)
    found: Assigned = {}
    folder = file
    while folder:
        folder = folder.rpartition("/")[0]
        for name, words in folders.get(folder, {}).items():
            found.setdefault(name, words)
    return found


def _environments(tree: Tree) -> dict[str, Assigned]:
    """Return the variables of each folder that has a file which sets them."""
    folders: defaultdict[str, Assigned] = defaultdict(dict)
    for file in [each for each in tree.files if _ENVIRONMENT.search(each)][:MAX_FILES]:
        text = tree.text(file)
        for number, match in enumerate(_SET.finditer(text.body) if text else ()):
            if number >= MAX_NAMES or text is None:
                break
            group = next(each for each in (2, 3, 4) if match[each] is not None)
            words = folders[file.rpartition("/")[0]].setdefault(match[1], [])
            if len(words) < MAX_VALUES:
                words.append(word_of(text.part(*match.span(group))))
    for file in [each for each in tree.files if _PLAYED.search(each)][:MAX_FILES]:
        text = tree.text(file)
        if text is not None:
            _flatten(yaml_nodes(text).documents, folders[""], "")
    return folders


def chart_values(tree: Tree, file: str) -> Assigned:
    """Return the values of the chart that a template belongs to, as `Values.a.b`; none for a file of another kind."""
    chart, found, _ = f"/{file}".rpartition("/templates/")
    return tree.shared(_charts).get(chart.removeprefix("/"), {}) if found else {}


def _charts(tree: Tree) -> dict[str, Assigned]:
    """Return the values of each folder that has a file with values of Helm."""
    folders: defaultdict[str, Assigned] = defaultdict(dict)
    for file in [each for each in tree.files if _VALUES.search(each)][:MAX_FILES]:
        text = tree.text(file)
        if text is not None:
            _flatten(yaml_nodes(text).documents, folders[file.rpartition("/")[0]], "Values")
    return folders


def _flatten(documents: list[Node], into: Assigned, root: str) -> None:
    """Note each single value by the keys that lead to it."""
    stack: list[tuple[str, Node]] = [(root, node) for node in documents]
    while stack and len(into) < MAX_NAMES:
        path, node = stack.pop()
        if isinstance(node, MapNode):
            head = f"{path}." if path else ""
            stack.extend((f"{head}{key.text}", value) for key, value in reversed(node.entries))
        elif isinstance(node, ListNode):
            stack.extend((path, each) for each in node.items if isinstance(each, Scalar))
        elif node.text and len(path) < 300 and len(into.setdefault(path, [])) < MAX_VALUES:
            into[path].append(word_of(node.as_text()))
