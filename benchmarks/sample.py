"""What a sample of large models costs: headers as their publishers write them, over sparse files on a Hub server here.

`python -m benchmarks.sample [--json FILE] [--only TEXT]` prints for each layout the strips, squares and vectors that
the budget allows, and the bytes, ranges and requests that the server counted. The files hold zeros beyond their
headers, so that terabytes take no room. A sample may cost 2 % of a model of 1 GB or more.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.layouts import LAYOUTS, Layout
from lineage.answers.compared_sides import read_side
from lineage.answers.session import Session
from lineage.hub.lfs import format_pointer
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer

MOST_SHARE, FROM_BYTES = 0.02, 10**9

MAX_BYTES = 64_000_000
"""What `lineage collect` spends on a model unless it is told otherwise."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each layout, print and write; return 1 if a sample costs more than its share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", default="", help="measure the layouts whose name has this text")
    options = parser.parse_args(arguments)
    found = {}
    for name, make in LAYOUTS.items():
        if options.only in name:
            found[name] = measure(make())
            print(f"{name:<28} {json.dumps(found[name])}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    missed = [name for name, each in found.items() if each["size"] >= FROM_BYTES and each["share"] > MOST_SHARE]
    print(f"above {MOST_SHARE:.0%} of the model: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def measure(layout: Layout) -> dict[str, float]:
    """Serve one layout and read its sample as `lineage compare` does."""
    with tempfile.TemporaryDirectory() as name, HubServer() as hub:
        folder = Path(name)
        size = serve(hub, folder, layout)
        began, cpu = time.monotonic(), time.process_time()
        with Session(settings=hub.settings(folder / "home"), store_url="memory:") as session:
            side = read_side(session, "a/model", level="header", max_bytes=MAX_BYTES)
        seconds, used = time.monotonic() - began, time.process_time() - cpu
        kinds = [each.tile.kind for each in side.side.sketch.tiles] if side.side.sketch else []
        sent = sum(asked.sent for asked in hub.asked(server="storage"))
        if not kinds:
            print("  nothing was sampled:", side.problem, [each.reason for each in side.unchecked])
        return {
            "size": size,
            "strips": kinds.count("strip"),
            "squares": kinds.count("square"),
            "vectors": kinds.count("vector"),
            "bytes": sent,
            "of it headers": side.found.cost.bytes_read if side.found else 0,
            "share": round(sent / size, 6),
            "ranges": len(hub.asked(server="storage")),
            "requests": len(hub.asked()),
            "seconds": round(seconds, 2),
            "cpu": round(used, 2),
        }


def serve(hub: HubServer, folder: Path, layout: Layout) -> int:
    """Write sparse files with real headers as LFS objects, and a repository that points at them; return their size."""
    repository = BareRepository(folder / "model.git")
    files = {"config.json": json.dumps(layout.config).encode(), "README.md": b"---\nlicense: mit\n---\n"}
    total = 0
    for path, parts, size in layout.files:
        sha256 = hashlib.sha256(path.encode()).hexdigest()
        place = folder / "lfs" / sha256[:2] / sha256[2:4] / sha256
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as file:
            for start, content in parts:
                file.seek(start)
                file.write(content)
            file.truncate(size)
        files[path] = format_pointer(sha256, size)
        total += size
    repository.commit(files, lfs=False)
    hub.add("a/model", folder / "model.git", lfs=folder / "lfs")
    return total


if __name__ == "__main__":
    raise SystemExit(main())
