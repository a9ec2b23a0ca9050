"""What the sample of each model of a zoo costs, counted at a Hub server on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from lineage.answers.collect import collect
from lineage.answers.session import Session
from tests.support.bare_repository import bare_from_folder
from tests.support.hub_server import HubServer


def sample_costs(folder: Path, models: Sequence[str]) -> dict[str, dict[str, float]]:
    """Collect headers and sample of each model over HTTP; count bytes, their share, ranges and requests."""
    found = {}
    with tempfile.TemporaryDirectory() as name, HubServer() as hub:
        work = Path(name)
        for model in models:
            hub.add(model, bare_from_folder(folder / model, work / f"{model}.git").git_dir)
        for model in models:
            hub.log.clear()
            with Session(settings=hub.settings(work / "home"), store_url="memory:") as session:
                collect(session, [model], level="header", depth=0)
            sent = sum(asked.sent for asked in hub.asked(server="storage"))
            weights = sum(p.stat().st_size for p in (folder / model).iterdir() if p.suffix in (".safetensors", ".gguf"))
            found[model] = {
                "bytes": sent,
                "share": round(sent / max(weights, 1), 3),
                "ranges": len(hub.asked(server="storage")),
                "requests": len(hub.asked()),
            }
    return found
