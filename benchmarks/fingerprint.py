"""The cost of a fingerprint: CPU compared with OpenSSL's SHA-256 of the same file in the same run, memory, and peers.

`python -m benchmarks.fingerprint [--size 2G]` makes a BF16 safetensors file, measures whole commands in turns, prints
ratios and writes benchmarks/results/fingerprint.json. A peer that cannot be installed is skipped with a message.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent / "results" / "fingerprint.json"
UNITS = {"": 1, "M": 1 << 20, "G": 1 << 30}
GOALS = {"cpu against openssl": 1.4, "peak MiB": 64.0}

PEER_LOAD = """
import hashlib, sys
from safetensors.numpy import load_file
for name, tensor in load_file(sys.argv[1]).items():
    hashlib.sha256(tensor).hexdigest()
"""
PEER_SIGNING = """
import sys
import model_signing
model_signing.hashing.Config().hash(sys.argv[1])
"""


class Run(NamedTuple):
    """The cost of one process: seconds of user and system time, seconds of wall time, MiB at its peak."""

    cpu: float
    wall: float
    peak: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    number, unit = options.size[:-1], options.size[-1].upper()
    size = int(float(number) * UNITS[unit]) if unit in UNITS else int(options.size)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        file = Path(folder) / "model" / "model.safetensors"
        file.parent.mkdir()
        write_model(file, size)
        result: dict[str, object] = {"bytes": file.stat().st_size, "rounds": options.rounds}
        result["whole command"] = _against_openssl(file, options.rounds)
        result["safetensors load_file + sha256 of each tensor"] = _against_load_file(file)
        result["model-signing 1.1.1"] = _against_model_signing(file, Path(folder), options.rounds, options.peers)
        result["header"] = {count: header_parse(Path(folder), count) for count in (3_000, 100_000)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="2G", help="bytes of weights: 2G, 200M, 1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where the file is made, default the system's temporary folder")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="install nothing")
    return parser.parse_args(arguments)


def write_model(file: Path, size: int, *, tensors: int = 291) -> None:
    """Write random BF16 matrices of a 7B model's count that together have about `size` bytes."""
    rows = max(size // tensors // 2 // 1024, 1)
    length = rows * 1024 * 2
    header = {
        f"model.layers.{n}.weight": {
            "dtype": "BF16",
            "shape": [rows, 1024],
            "data_offsets": [n * length, (n + 1) * length],
        }
        for n in range(tensors)
    }
    raw = json.dumps(header).encode()
    with file.open("wb") as out:
        out.write(len(raw).to_bytes(8, "little") + raw)
        block = os.urandom(length)
        for n in range(tensors):
            out.write(n.to_bytes(8, "little") + block[8:])


def run(command: Sequence[str]) -> Run:
    """Run a command to its end and ask the kernel for its cost.

    The peak is never below this process's own memory, because the child starts as a copy of it.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_outside())
    assert process.stderr
    error = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} … failed: {error.decode(errors='replace')[-500:]}")
    return Run(used.ru_utime + used.ru_stime, time.perf_counter() - start, used.ru_maxrss / 1024)


def in_turns(ours: Sequence[str], theirs: Sequence[str], rounds: int) -> dict[str, float]:
    """Run two commands in turns after a warm-up: the median of the ratios, and the least of each."""
    run(ours), run(theirs)
    pairs = [(run(ours), run(theirs)) for _ in range(rounds)]
    return {
        "cpu ratio": round(statistics.median(a.cpu / b.cpu for a, b in pairs), 3),
        "wall ratio": round(statistics.median(a.wall / b.wall for a, b in pairs), 3),
        "our cpu seconds": round(min(a.cpu for a, _ in pairs), 3),
        "their cpu seconds": round(min(b.cpu for _, b in pairs), 3),
        "our peak MiB": round(max(a.peak for a, _ in pairs), 1),
        "their peak MiB": round(max(b.peak for _, b in pairs), 1),
    }


def fingerprint_command(file: Path) -> list[str]:
    """Return the command, as a user would type it, with all digests."""
    return [sys.executable, "-m", "lineage_cli", "fingerprint", str(file), "--format", "json"]


def _against_openssl(file: Path, rounds: int) -> dict[str, object]:
    found: dict[str, object] = {
        **in_turns(fingerprint_command(file), ["openssl", "dgst", "-sha256", str(file)], rounds)
    }
    for key, value, goal in (
        ("cpu ratio", found["cpu ratio"], GOALS["cpu against openssl"]),
        ("our peak MiB", found["our peak MiB"], GOALS["peak MiB"]),
    ):
        found[f"{key}, goal {goal}"] = "met" if isinstance(value, float) and value <= goal else "missed"
    return found


def _against_load_file(file: Path) -> dict[str, object]:
    """Compare with loading all tensors and hashing each; numpy has no BF16, so the same bytes are declared as F16."""
    _rename_dtype(file, b'"BF16"', b'"F16" ')
    try:
        return {**in_turns(fingerprint_command(file), [sys.executable, "-c", PEER_LOAD, str(file)], 1)}
    except RuntimeError as error:
        return {"skipped": str(error)}
    finally:
        _rename_dtype(file, b'"F16" ', b'"BF16"')


def _rename_dtype(file: Path, old: bytes, new: bytes) -> None:
    """Replace a word of the header in place by one of the same length."""
    with file.open("r+b") as opened:
        length = int.from_bytes(opened.read(8), "little")
        header = opened.read(length).replace(old, new)
        opened.seek(8)
        opened.write(header)


def _against_model_signing(file: Path, folder: Path, rounds: int, wanted: bool) -> dict[str, object]:
    """Compare with model-signing's hashing of files, in a separate environment."""
    uv = _uv()
    if not wanted or uv is None:
        return {"skipped": "not asked for" if not wanted else "uv is not here"}
    python = folder / "peer" / "bin" / "python"
    try:
        run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder / "peer")])
        run([*uv, "pip", "install", "--quiet", "--python", str(python), "model-signing==1.1.1", "pyOpenSSL"])
        return {**in_turns(fingerprint_command(file), [str(python), "-c", PEER_SIGNING, str(file.parent)], rounds)}
    except RuntimeError as error:
        return {"skipped": str(error)}


def _uv() -> list[str] | None:
    """Find uv as a command, or as a module of the system's Python."""
    for command in (["uv"], ["python3", "-m", "uv"]):
        try:
            subprocess.run([*command, "--version"], check=True, capture_output=True, env=_outside())
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    return None


def _outside() -> dict[str, str]:
    """Leave the project's own environment, whose python3 has no uv."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part != own)
    return {**os.environ, "PATH": path}


def header_parse(folder: Path, tensors: int, rounds: int = 9) -> dict[str, float]:
    """Compare the reading of a header with the library's `safe_open` and its names, both in this process."""
    from safetensors import safe_open

    from lineage.fingerprint.header import read_header
    from lineage.fingerprint.reading import read_ranges

    file = folder / f"{tensors}.safetensors"
    write_model(file, 0, tensors=tensors)

    def ours() -> None:
        read_header(read_ranges(file, file.name), file.stat().st_size, file.name)

    def theirs() -> None:
        with safe_open(file, framework="numpy") as opened:
            list(opened.keys())

    mine, library = _median_cpu(ours, rounds), _median_cpu(theirs, rounds)
    file.unlink()
    return {"our ms": round(mine * 1e3, 2), "safe_open ms": round(library * 1e3, 2), "ratio": round(mine / library, 2)}


def _median_cpu(work: Callable[[], None], rounds: int) -> float:
    """Measure a function by this process's CPU time."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


if __name__ == "__main__":
    raise SystemExit(main())
