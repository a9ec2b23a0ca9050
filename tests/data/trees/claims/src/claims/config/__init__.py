from .defaults import *  # noqa: F403
from .runtime import load_settings, settings
