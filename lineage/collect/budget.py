"""How deep the weights of one model are read, and which bytes are left for them."""

from __future__ import annotations

from dataclasses import dataclass

from lineage.settings.environment import DEFAULT_MAX_BYTES
from lineage_schemas.level import Level


@dataclass
class ReadBudget:
    """Choose the level of one model's weight groups, one after the other.

    The `asked` level is read regardless of size. Without one, a local Hub is read in full, because its bytes cost
    nothing, and a remote one by headers, and in full as long as enough bytes are `left`.
    """

    is_local: bool
    asked: Level | None = None
    left: int = DEFAULT_MAX_BYTES

    @property
    def least(self) -> Level:
        """Return the level that every group is read to, whatever its size."""
        return self.asked or ("full" if self.is_local else "header")

    def level_for(self, size: int | None) -> Level:
        """Choose the level of a group of `size` bytes; pass None if the size is unknown, or no byte is to be spent."""
        return "full" if self.asked is None and size is not None and size <= self.left else self.least

    def spend(self, size: int) -> None:
        """Subtract the bytes of a group that was read in full; those of a local Hub cost nothing."""
        if not self.is_local:
            self.left -= size

    def afford(self, size: int | None) -> bool:
        """Spend `size` bytes if they may be read in full, else spend nothing and return False."""
        if self.level_for(size) != "full":
            return False
        self.spend(size or 0)
        return True
