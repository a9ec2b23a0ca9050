"""The cost of a fingerprint: compared with OpenSSL's SHA-256 of the same files in the same run, memory, and peers.

`python -m benchmarks.fingerprint [--size 2G]` makes a BF16 safetensors file and a set of four shards of the same size,
measures whole commands in turns, prints ratios and writes benchmarks/results/fingerprint.json. A peer that cannot be
installed is skipped with a message. `--only shards` measures the set alone.

A wall time means something only on idle cores: `cores used by others` is the share of all cores' time that other
processes used, 0.0 on an idle machine.
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
SHARD_GOALS = {"best wall ratio": 0.85, "best cpu ratio": 1.45, "our peak MiB": 96.0}
"""Of four shards on two cores; with more cores the wall ratio falls."""
SHARDS = 4
SHARD_ROUNDS = 5

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
    """The cost of one process: seconds of user and system time, seconds of wall time, MiB at its peak.

    `others` is the share of all cores' time that other processes used meanwhile, None where the system does not count.
    """

    cpu: float
    wall: float
    peak: float
    others: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write."""
    options = _options(arguments)
    number, unit = options.size[:-1], options.size[-1].upper()
    size = int(float(number) * UNITS[unit]) if unit in UNITS else int(options.size)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        result: dict[str, object] = {"cores": len(os.sched_getaffinity(0))}
        if options.only in (None, "file"):
            result |= _of_one_file(Path(folder), size, options)
        if options.only in (None, "shards"):
            result[f"{SHARDS} shards"] = _of_shards(Path(folder), size)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


def _of_one_file(folder: Path, size: int, options: argparse.Namespace) -> dict[str, object]:
    """Measure one file: against OpenSSL, against peers, and its header alone."""
    file = folder / "model" / "model.safetensors"
    file.parent.mkdir()
    write_model(file, size)
    result: dict[str, object] = {"bytes": file.stat().st_size, "rounds": options.rounds}
    result["whole command"] = _against_openssl(file, options.rounds)
    result["safetensors load_file + sha256 of each tensor"] = _against_load_file(file)
    result["model-signing 1.1.1"] = _against_model_signing(file, folder, options.rounds, options.peers)
    result["header"] = {count: header_parse(folder, count) for count in (3_000, 100_000)}
    file.unlink()
    return result


def _of_shards(folder: Path, size: int) -> dict[str, object]:
    """Measure a set of shards as a folder, against OpenSSL over the same files one after another: the best of each."""
    model = folder / "sharded"
    model.mkdir()
    files = [model / f"model-{number:05d}-of-{SHARDS:05d}.safetensors" for number in range(1, SHARDS + 1)]
    for number, file in enumerate(files):
        write_model(file, size // SHARDS, tensors=72, first=number * 72)
    ours, theirs = fingerprint_command(model), ["openssl", "dgst", "-sha256", *map(str, files)]
    run(ours), run(theirs)
    pairs = [(run(ours), run(theirs)) for _ in range(SHARD_ROUNDS)]
    mine, library = [each for each, _ in pairs], [each for _, each in pairs]
    found: dict[str, object] = {
        "bytes": sum(file.stat().st_size for file in files),
        "best wall ratio": round(min(r.wall for r in mine) / min(r.wall for r in library), 3),
        "best cpu ratio": round(min(r.cpu for r in mine) / min(r.cpu for r in library), 3),
        "our peak MiB": round(max(r.peak for r in mine), 1),
        "our wall seconds": [round(r.wall, 2) for r in mine],
        "their wall seconds": [round(r.wall, 2) for r in library],
        "cores used by others": [[r.others for r in pair] for pair in pairs],
    }
    for key, goal in SHARD_GOALS.items():
        value = found[key]
        found[f"{key}, goal {goal}"] = "met" if isinstance(value, float) and value <= goal else "missed"
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="2G", help="bytes of weights: 2G, 200M, 1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", help="where the file is made, default the system's temporary folder")
    parser.add_argument("--only", choices=["file", "shards"], help="measure one file, or the set of shards, only")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="install nothing")
    return parser.parse_args(arguments)


def write_model(file: Path, size: int, *, tensors: int = 291, first: int = 0) -> None:
    """Write random BF16 matrices of a 7B model's count that together have about `size` bytes.

    `first` is the number in the first one's name: no two shards of a set have a tensor of one name.
    """
    rows = max(size // tensors // 2 // 1024, 1)
    length = rows * 1024 * 2
    header = {
        f"model.layers.{first + n}.weight": {
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
    start, busy = time.perf_counter(), _busy_seconds()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=_outside())
    assert process.stderr
    error = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} … failed: {error.decode(errors='replace')[-500:]}")
    cpu, wall, now = used.ru_utime + used.ru_stime, time.perf_counter() - start, _busy_seconds()
    others = None
    if busy is not None and now is not None:
        others = round(max(now - busy - cpu, 0.0) / wall / (os.cpu_count() or 1), 2)
    return Run(cpu, wall, used.ru_maxrss / 1024, others)


def _busy_seconds() -> float | None:
    """Add up the seconds in which the cores of this machine did not rest, stolen time included."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, *others = map(int, first.split()[1:9])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def in_turns(ours: Sequence[str], theirs: Sequence[str], rounds: int) -> dict[str, float | None]:
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
        "cores used by others": max((r.others for pair in pairs for r in pair if r.others is not None), default=None),
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
    """Leave the project's own environment, whose python3 has no uv, and let the warm-up keep compiled modules."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part != own)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PATH": path}


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
