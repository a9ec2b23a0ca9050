"""Nodes of a configuration as what a program is started with: the words of a command, and its variables."""

from __future__ import annotations

import re

from lineage.audit.discovery import configuration_keys as known
from lineage.audit.discovery.nodes import ListNode, MapNode, Node, Scalar, scalars
from lineage.audit.discovery.shell import Word, commands, word_of
from lineage.audit.discovery.variables import Assigned

_FLAG = re.compile(r"--[a-z][\w-]+(?:=.*)?")


def is_single(node: Node) -> bool:
    """Return whether a node is a single value or a list of them."""
    return isinstance(node, Scalar) or (
        isinstance(node, ListNode) and all(isinstance(each, Scalar) for each in node.items)
    )


def is_words(node: Node) -> bool:
    """Return whether a list holds the words of one command, not commands."""
    items = node.items if isinstance(node, ListNode) else []
    return bool(items) and all(isinstance(item, Scalar) for item in items) and not (
        isinstance(items[0], Scalar) and " " in items[0].text.strip() and "--" not in items[0].text[:2]
    )  # fmt: skip


def is_word(node: Node) -> bool:
    """Return whether a node is a text of one word, such as the program that `args` follow."""
    return isinstance(node, Scalar) and bool(node.text) and not any(map(str.isspace, node.text))


def has_flags(node: ListNode) -> bool:
    """Return whether a list holds flags with their values, whatever its key: `[--base-model, org/name]`."""
    return any(isinstance(item, Scalar) and _FLAG.fullmatch(item.text) for item in node.items)


def words_of(node: ListNode) -> list[Word]:
    """Return the items of a list as words; `--flag value` in one item is two."""
    words: list[Word] = []
    for item in scalars(node):
        text = item.as_text()
        split = "$" in item.text or "{{" in item.text or (item.text.startswith("-") and " " in item.text)
        found = (
            [word for command in commands(text, newlines=False, make=True) for word in command.words] if split else []
        )
        single = ("$" in item.text or "{{" in item.text) and not item.text.startswith("-") and len(found) != 1
        words.extend(found if found and not single else [word_of(text)])
    return words


def environment_of(node: ListNode, key: str) -> MapNode | None:
    """Return a list of variables as a mapping: of `{name: KEY, value: X}`, or of `KEY=value` where a key says so."""
    made = MapNode()
    for item in node.items:
        if isinstance(item, MapNode):
            name, value = item.get("name", "Name", "key"), item.get("value", "Value", "default")
            if isinstance(asked := item.get("input"), MapNode):  # of RunPod's Hub
                value = asked.get("default")
            if not isinstance(name, Scalar):
                return None
            if isinstance(value, Scalar):
                made.entries.append((name, value))
            elif item.get("valueFrom", "ValueFrom") is None and len(item.entries) > 1:
                return None
        elif isinstance(item, Scalar) and key in known.ENVIRONMENTS and "=" in item.text:
            name_text, _, rest = item.text.partition("=")
            offsets = item.offsets[len(name_text) + 1 :] if item.offsets else ()
            made.entries.append((
                Scalar(item.source, name_text, item.start),
                Scalar(item.source, rest, item.start + len(name_text) + 1, offsets),
            ))  # fmt: skip
        else:
            return None
    return made if made.entries else None


def variables_of(node: MapNode) -> Assigned:
    """Return the variables that a mapping sets for what runs in it."""
    found: Assigned = {}
    for name in ("env", "environment", "variables", "envs"):
        value = node.get(name)
        mapping = environment_of(value, name) if isinstance(value, ListNode) else value
        if isinstance(mapping, MapNode):
            for key, each in mapping.entries:
                if isinstance(each, Scalar) and each.text:
                    found[key.text] = [word_of(each.as_text())]
    return found
