"""Models of labelled source trees that `cdxgen -t ai` finds, beside those that `lineage audit` finds.

`python -m benchmarks.discovery_peer CDXGEN DIR [DIR …]`: CDXGEN is the command of `@cyclonedx/cdxgen`, DIR has a
`truth.json` or folders that have one. An inventory has no places, so that the models of a tree are compared by their
ids: those that are certain or likely in the labels, and those that the labels do not name at all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.discovery import SURE, TRUTH, labelled_trees
from lineage.audit.discovery.discover import discover

Pins = set[tuple[str, str | None]]
TIMEOUT = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both over each tree, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", metavar="CDXGEN")
    parser.add_argument("folders", type=Path, nargs="+", metavar="DIR")
    options = parser.parse_args(arguments)
    totals: dict[str, Counter[str]] = {"lineage": Counter(), "cdxgen": Counter()}
    for tree in [tree for folder in options.folders for tree in labelled_trees(folder)]:
        labels = json.loads((tree / TRUTH).read_text("utf-8"))
        for tool, pins in (("lineage", of_lineage(tree)), ("cdxgen", of_cdxgen(options.peer, tree))):
            totals[tool].update(counted(labels, pins))
    for tool, count in totals.items():
        print(
            f"{tool}: {count['found']} of {count['models']} models, {count['extra']} that are none;"
            f" {count['kept']} of {count['pins']} revisions kept"
        )
    return 0


def of_lineage(tree: Path) -> Pins:
    """Return the certain and likely models of a tree, each with its revisions."""
    found = discover(tree, exclude=[f"/{TRUTH}"]).references
    return {(each.model.lower(), each.revision) for each in found if each.model and each.grade in SURE}


def of_cdxgen(command: str, tree: Path) -> Pins:
    """Return the models of a tree's inventory, without the labels in reach."""
    with tempfile.TemporaryDirectory() as folder:
        copy, out = Path(folder, tree.name), Path(folder, "bom.json")
        shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(TRUTH))
        subprocess.run(
            [command, "-t", "ai", "--no-install-deps", "-o", str(out), str(copy)],
            capture_output=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip
        components = json.loads(out.read_text("utf-8")).get("components", []) if out.is_file() else []
    purls = [(each.get("purl", ""), each.get("version") or None) for each in components]
    return {
        (purl.removeprefix("pkg:huggingface/").partition("@")[0].lower(), version)
        for purl, version in purls
        if purl.startswith("pkg:huggingface/")
    }


def counted(labels: Sequence[dict[str, Any]], pins: Pins) -> Counter[str]:
    """Compare the models of one tree with its labels."""
    sure = {(each["model"].lower(), each.get("revision")) for each in labels if each["model"] and each["grade"] in SURE}
    models, named = {model for model, _ in sure}, {each["model"].lower() for each in labels if each["model"]}
    found = {model for model, _ in pins}
    revisions = {pin for pin in sure if pin[1] is not None}
    return Counter(
        models=len(models), found=len(models & found), extra=len(found - named), pins=len(revisions),
        kept=len(revisions & pins),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
