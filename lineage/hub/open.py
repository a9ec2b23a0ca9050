"""Opening the Hub that `--hub` names."""

from __future__ import annotations

from pathlib import Path

from lineage.errors import InputError
from lineage.hub.interface import Hub
from lineage.log import Log
from lineage.progress import SILENT, Progress
from lineage.settings.environment import Settings

LOG = Log(__name__)

CACHE = "cache"


def open_hub(selector: str | None, settings: Settings, *, offline: bool = False, progress: Progress = SILENT) -> Hub:
    """Open the endpoint of the settings (None), the Hub client's cache (`cache`), or a directory.

    Raises InputError for a directory that does not exist; the hint names what the user may have meant.
    """
    LOG.info("opening the Hub %s%s", selector or settings.endpoint, ", offline" if offline else "")
    if selector is None:
        from lineage.hub.huggingface.hub import HuggingFaceHub

        return HuggingFaceHub(settings, offline=offline, progress=progress)
    if selector == CACHE:
        from lineage.hub.local.cache import CacheHub

        return CacheHub(settings, progress=progress)
    return _open_directory(selector, settings, progress)


def _open_directory(selector: str, settings: Settings, progress: Progress) -> Hub:
    from lineage.hub.local.directory import DirectoryHub, is_bare_repository

    if "://" in selector:
        raise InputError(f"--hub {selector} is a URL", hint=f"to use another endpoint, set HF_ENDPOINT={selector}")
    try:
        folder = Path(selector).expanduser()
        exists = folder.is_dir()
    except (RuntimeError, ValueError) as error:
        raise InputError(f"--hub {selector!r} is not a folder: {error}") from error
    if not exists:
        raise InputError(f"--hub {selector}: there is no such folder", hint=_hint(selector))
    if is_bare_repository(folder):
        hint = f"pass its parent folder to --hub, or name the model itself as the target: ./{folder.name}"
        raise InputError(f"--hub {selector} is a single repository, not a directory of models", hint=hint)
    return DirectoryHub(folder, settings, progress=progress)


def _hint(selector: str) -> str:
    from lineage.hub.target import repository_id_problem

    if "/" in selector and repository_id_problem(selector) is None:
        return f"{selector} looks like a model: name it as the target, and pass a folder of models or `cache` to --hub"
    return "pass a folder that contains org/name folders, or `cache`"
