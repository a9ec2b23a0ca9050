"""Settings from the environment, read in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lineage.errors import InputError
from lineage_schemas.ids import DEFAULT_HUB

DEFAULT_ENDPOINT = f"https://{DEFAULT_HUB}"

DEFAULT_MAX_BYTES = 64_000_000
"""Bytes of weight files that are read of a remote model unless `--level full` is given."""


class Settings(NamedTuple):
    """Hold the Hub's endpoint and the locations of caches and store.

    `endpoint` is the Hub (`HF_ENDPOINT`), `hub_cache` the Hub client's cache (`HF_HUB_CACHE`, `HF_HOME`), `store` the
    store's URL or path (`LINEAGE_STORE`), `cache` our own cache of git clones (`LINEAGE_CACHE`), which may be
    deleted at any time. `offline` is `HF_HUB_OFFLINE`. The token is not here: the Hub client finds it.
    """

    endpoint: str
    hub_cache: Path
    store: str
    cache: Path
    offline: bool

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment, with the same names and defaults as the Hub's own client.

        Raises InputError for a `~user` folder of a user who does not exist on this machine.
        """
        env = os.environ if environ is None else environ
        home = env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
        return cls(
            endpoint=(env.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/"),
            hub_cache=_folder(env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE") or Path(home) / "hub"),
            store=env.get("LINEAGE_STORE") or str(_user_folder("data") / "lineage.db"),
            cache=_folder(env["LINEAGE_CACHE"]) if env.get("LINEAGE_CACHE") else _user_folder("cache"),
            offline=env.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"},
        )


def _folder(named: str | Path) -> Path:
    """Expand `~` in a folder that an environment variable names."""
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        hint = "check HF_HOME, HF_HUB_CACHE, XDG_CACHE_HOME and LINEAGE_CACHE"
        raise InputError(f"{str(named)!r} is not a folder on this machine: {error}", hint=hint) from error


def _user_folder(kind: str) -> Path:
    """Find the platform's folder for our data or cache."""
    import platformdirs

    find = platformdirs.user_data_path if kind == "data" else platformdirs.user_cache_path
    return find("lineage", appauthor=False)
