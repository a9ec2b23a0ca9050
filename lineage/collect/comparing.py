"""Comparing the weights of a group at two commits, for the kinds that only bytes can distinguish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.collect.weights import WeightReader
from lineage.errors import HubError, HubUnreachableError
from lineage.fingerprint.buffers import without_lone_buffers
from lineage.fingerprint.cast import CastCheck, Placed
from lineage.fingerprint.compare import WeightsComparison, compare_weights
from lineage.fingerprint.file_contents import WITH_TENSORS
from lineage.fingerprint.tied import may_be_tied
from lineage.versioning.contents import FileHash
from lineage.versioning.groups import PlacedGroup
from lineage.versioning.measured import Measurement
from lineage_schemas.change import ChangeKind
from lineage_schemas.file import FileEntry

if TYPE_CHECKING:
    from lineage.collect.weights import ReadGroup

MAX_HEADERS = 800
"""Shards whose headers one collection reads for the old changes of a remote model: this takes some minutes."""

MAX_GIT_BYTES = 10_000_000
"""Size above which the Hub accepts a file only in git LFS."""

_OTHER_BRANCH = "only the default branch's weights of a remote model are read"

UNKNOWN_TENSORS = (
    "all bytes were read, but not by tensor: the file has an unsupported tensor type, so the padding after its "
    "data was hashed too"
)
"""Why two sides cannot be compared although both were read in full."""

_COMPARABLE = frozenset({"safetensors", "pytorch", "numpy"})
"""Formats that hold the same values in the same bytes."""

_KINDS: dict[str, ChangeKind] = {
    "equal": "renamed", "reserialised": "reserialised", "renamed": "renamed", "partial": "partial",
    "retrained": "retrained", "reshaped": "reshaped", "replaced": "replaced", "cast": "cast",
    "requantised": "requantised",
}  # fmt: skip


class Comparer:
    """Compare groups through a WeightReader, within its budget.

    A local Hub is read in full. On a remote one headers are read, which show a changed layout or dtype, and whole files
    within the budget; nothing is read for branches other than the default one (`remote` is False).
    """

    def __init__(self, weights: WeightReader, *, remote: bool) -> None:
        self._weights = weights
        self._ask = remote or weights.hub.is_local
        self._headers_left = MAX_HEADERS

    def sha256(self, commit: str, path: str, size: int) -> FileHash:
        """Hash a file that is in git itself; on a remote Hub only on the default branch and within the budget."""
        weights = self._weights
        if not self._ask:
            return FileHash(None, _OTHER_BRANCH)
        if not weights.hub.is_local and size > MAX_GIT_BYTES:
            return FileHash(None)  # the Hub accepts no file of this size outside LFS: it is another file
        if not weights.afford(size):
            limit = f"--level {weights.options.level}" if weights.options.level else "--max-bytes"
            reason = f"its {size / 1e6:.1f} MB in git were not read, because of {limit}"
            return FileHash(None, reason, f"lineage check {weights.model} --level full")
        try:
            return FileHash(weights.hash_file(commit, path, size))
        except HubError as error:
            again = isinstance(error, HubUnreachableError)
            return FileHash(None, error.message, f"lineage check {weights.model}" if again else None)

    def compare(self, before: PlacedGroup, after: PlacedGroup) -> Measurement:
        """Compare the weights; `undecided` says what was not read, with the command that decides it."""
        refusal = self._refusal(before, after)
        if refusal:
            return Measurement("replaced", undecided=refusal)
        old, new = self._read(before), self._read(after)
        if old.fingerprint.is_calibration and new.fingerprint.is_calibration:
            return Measurement("reserialised", note="calibration data, not weights")
        check = CastCheck(self._placed(old), self._placed(new), self._weights.afford)
        sides = old.fingerprint, new.fingerprint
        if before.group.format != after.group.format:
            sides = without_lone_buffers(*sides)
        compared = compare_weights(*sides, check, lambda: may_be_tied(self._placed(new)))
        return Measurement(
            _KINDS[compared.kind],
            compared.tensors_changed,
            compared.tensors_total,
            compared.note,
            check.problem or self._why_undecided(compared, old, new),
            self._command(),
            compared.differs,
        )

    def _refusal(self, before: PlacedGroup, after: PlacedGroup) -> str | None:
        """Return why two groups can never be compared; None if they can."""
        formats = {before.group.format, after.group.format}
        if not formats <= WITH_TENSORS:
            return f"{' and '.join(sorted(formats - WITH_TENSORS))} files are known by their hash only"
        if len(formats & _COMPARABLE) < len(formats) > 1:
            return "files of different formats are not compared value by value"
        if before.group.complete is False or after.group.complete is False:
            return "a set of shards is incomplete"
        if not self._ask:
            return _OTHER_BRANCH
        if not self._weights.hub.is_local:
            self._headers_left -= len(before.files) + len(after.files)
            if self._headers_left < 0:
                return f"more than {MAX_HEADERS} shards would have to be read"
        return None

    def _read(self, placed: PlacedGroup) -> ReadGroup:
        entries = {
            path: FileEntry(path=path, blob_id=v.blob_id, size=v.size, sha256=v.sha256)
            for path, v in placed.files.items()
        }
        return self._weights.read_group(placed.commit, placed.group, entries)

    def _placed(self, read: ReadGroup) -> Placed:
        return Placed(self._weights.hub, self._weights.model, read.commit, read.fingerprint)

    def _why_undecided(self, compared: WeightsComparison, old: ReadGroup, new: ReadGroup) -> str | None:
        """Return why a comparison ends with `replaced`; None if it was decided."""
        if compared.kind != "replaced":
            return None
        problem = old.problem or new.problem
        if problem:
            return problem
        for side in (old, new):
            if side.fingerprint.unread:
                return f"{side.group.name} is known by its hash only: {side.fingerprint.unread}"
        if {old.fingerprint.level, new.fingerprint.level} != {"full"}:
            size = sum(side.fingerprint.byte_size or 0 for side in (old, new))
            return f"only headers were read: {size / 1e9:.2f} GB of weights are beyond --max-bytes"
        if None in (old.fingerprint.digests.weights, new.fingerprint.digests.weights):
            return UNKNOWN_TENSORS
        return None

    def _command(self) -> str | None:
        """Return the command that reads everything; None if everything available was read."""
        weights = self._weights
        if weights.hub.is_local or weights.options.level == "full":
            return None
        return f"lineage check {weights.model} --level full"
