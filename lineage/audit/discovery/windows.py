"""Scripts of PowerShell and of the Windows command prompt, read as shell text with the variables spelt otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.audit.discovery.pieces import respelled
from lineage.audit.discovery.scripts import script_references
from lineage.audit.discovery.texts import Text
from lineage.audit.discovery.tree import Tree
from lineage_schemas.reference import Reference

_ASSIGNED = re.compile(
    r"(?mi)^([ \t]*)(?:\[[\w.\[\]]+\][ \t]*)?\$(?:env:)?(\w+)[ \t]*=[ \t]*|\$env:(?=\w)|`$|(?<=[\"'])[ \t]*,[ \t]*$"
)
_SET = re.compile(r"(?mi)^([ \t]*)@?set[ \t]+\"?(\w+)=([^\"\n]*)\"?[ \t]*$|%(\w+)%|\^$|^[ \t]*(?:@?rem\b|::)")


def powershell_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a script of PowerShell: `$Name = "org/name"` sets a variable, a backquote at its end continues a line.

    So does `[string]$Name = "org/name",`, the default of a parameter.
    """
    yield from script_references(respelled(text, _ASSIGNED, _power), tree)


def batch_references(text: Text, tree: Tree) -> Iterator[Reference]:
    """Read a batch file: `set NAME=org/name`, and `%NAME%` where it is used."""
    yield from script_references(respelled(text, _SET, _batch), tree)


def _power(match: re.Match[str]) -> tuple[str, int]:
    if match[0].strip() == ",":
        return " ", match.start()
    if match[0] == "`":
        return "\\", match.start()
    return (f"{match[2]}=", match.start(2)) if match[2] else ("$", match.start())


def _batch(match: re.Match[str]) -> tuple[str, int]:
    if match[2]:
        return f"{match[2]}='{match[3]}'", match.start(2)
    if match[4]:
        return f"${{{match[4]}}}", match.start()
    return ("\\" if match[0] == "^" else "#"), match.start()
