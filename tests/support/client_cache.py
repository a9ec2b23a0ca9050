"""A Hub client's cache made by hand, as the client leaves it: blobs by their hash, links to them, a ref."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lineage.hub.lfs import belongs_in_lfs, git_blob_id
from lineage.settings.environment import Settings

COMMIT = "a" * 40


def cache_settings(folder: Path) -> Settings:
    """Make settings whose cache and store are in a folder of the test's."""
    (folder / "cache").mkdir(exist_ok=True)
    return Settings.from_environment({"HF_HUB_CACHE": str(folder / "cache"), "LINEAGE_CACHE": str(folder / "own")})


def cached(settings: Settings, model: str, files: dict[str, bytes], commit: str = COMMIT) -> Path:
    """Lay a model's files down as downloaded, and give its snapshot folder."""
    place = settings.hub_cache / f"models--{model.replace('/', '--')}"
    snapshot = place / "snapshots" / commit
    for folder in (place / "blobs", place / "refs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        in_lfs = belongs_in_lfs(name, len(content))
        blob = hashlib.sha256(content).hexdigest() if in_lfs else git_blob_id(content)
        (place / "blobs" / blob).write_bytes(content)
        (snapshot / name).symlink_to(Path("../../blobs") / blob)
    (place / "refs" / "main").write_text(commit)
    return snapshot
