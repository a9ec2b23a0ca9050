from .settings import SETTINGS

DEFAULT_VOICE = "hexgrad/Kokoro-82M"
__all__ = ["SETTINGS", "DEFAULT_VOICE"]
