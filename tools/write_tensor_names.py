"""Write the table of tensor names from the `gguf` package: what each tensor of a model is called elsewhere.

`python -m tools.write_tensor_names` writes lineage/fingerprint/values/tensor_names.v1.json. The order of a sketch
depends on this table, so that a released table never changes: a newer package gets a table of its own, `v2`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

TABLE = Path(__file__).parent.parent / "lineage" / "fingerprint" / "values" / "tensor_names.v1.json"


def names() -> dict[str, list[str]]:
    """Map each name of GGUF (`blk.{bid}.attn_q`) to the names that other programs use, in the package's order."""
    from gguf.constants import TENSOR_NAMES
    from gguf.tensor_mapping import TensorNameMap

    found: dict[str, list[str]] = {}
    for mapping in (TensorNameMap.mappings_cfg, TensorNameMap.block_mappings_cfg):
        for tensor, others in mapping.items():
            found.setdefault(TENSOR_NAMES[tensor], []).extend(others)
    return {name: list(dict.fromkeys(others)) for name, others in found.items()}


def main() -> None:
    """Write the table, if there is none yet."""
    if TABLE.exists():
        raise SystemExit(f"{TABLE} is there: sketches depend on it, and it never changes.")
    table = {
        "source": f"gguf {version('gguf')} (MIT licence), gguf.tensor_mapping",
        "date": datetime.now(UTC).date().isoformat(),
        "names": names(),
    }
    TABLE.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
