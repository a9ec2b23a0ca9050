"""The cost of the stores at the size of the Hub, compared with hand-written peers in the same run.

`python -m benchmarks.stores` loads 2.5 million models, 1.5 million edges and 10 million files into the embedded store,
and the same rows into a plain schema of SQLite by `executemany`; then it asks both the same questions. This takes about
20 minutes and 12 GB of disk.

`python -m benchmarks.stores --neo4j` loads 500,000 models into the store in Neo4j, into the embedded one, and by plain
`UNWIND` under labels of its own beside them; then it asks all three the same, copies the graph, and imports
`--csv-models` through `neo4j-admin`. It starts a server of its own (`neo4j-current` or `neo4j-lts`) or takes one by its
URI, with the password in NEO4J_PASSWORD and a database that is empty.

`--models` alone scales everything: `--models 5000` takes seconds. `--data` names the folder with the recorded graph
(`base_model_tags_2024-07.csv.gz`); without it a graph of a like shape is made. Ratios are printed and written to
benchmarks/results.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

FULL = 2_500_000
"""Models of the whole Hub, and what `--neo4j` imports as files."""

IN_NEO4J = 500_000
"""Models that are written into a server."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    if options.neo4j:
        from benchmarks.stores.graph_server import run
    else:
        from benchmarks.stores.embedded import run
    run(options)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stores",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--neo4j", nargs="?", const="neo4j-current", metavar="VERSION|URI")
    parser.add_argument("--models", type=int)
    parser.add_argument("--edges", type=int, help="of descent, default 0.6 a model")
    parser.add_argument("--files", type=int, help="default 4 a model, in Neo4j 1")
    parser.add_argument(
        "--csv-models", type=int, help="models that are exported and imported as CSV, with a file each; 0 for none"
    )
    parser.add_argument("--data", type=Path, help="folder of the recorded graph")
    parser.add_argument("--folder", help="where the stores are made, default the system's temporary folder")
    parser.add_argument("--queries", type=int)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batches", type=int, default=20, help="incremental batches of 1,000 models")
    options = parser.parse_args(arguments)
    if options.csv_models is None:
        options.csv_models = options.models or FULL
    options.models = options.models or (IN_NEO4J if options.neo4j else FULL)
    options.edges = options.models * 6 // 10 if options.edges is None else options.edges
    options.files = options.models * (1 if options.neo4j else 4) if options.files is None else options.files
    options.queries = options.queries or min(2000, options.models // 10)
    return options


if __name__ == "__main__":
    raise SystemExit(main())
