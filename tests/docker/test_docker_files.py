"""The image and the compose file, as far as they can be checked without a Docker daemon."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from lineage import __version__
from tests.support.shared import ROOT

DOCKERFILE = ROOT / "docker/Dockerfile"

COMPOSE = ROOT / "docker/compose.yml"

SCHEMA = ROOT / "tests/data/compose/compose-spec.json"

HEALTH = ["sh", "-c", "test ! -e /data/lineage.db || lineage store info --quiet --store /data/lineage.db"]


def instructions() -> list[tuple[str, str]]:
    """Parse the Dockerfile into instructions and their arguments, with lines joined and without comments."""
    lines = [line for line in DOCKERFILE.read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines() if line.strip()]


def stage(number: int) -> list[tuple[str, str]]:
    """Return the instructions of one stage, its FROM first."""
    found = instructions()
    starts = [index for index, (name, _) in enumerate(found) if name == "FROM"] + [len(found)]
    return found[starts[number] : starts[number + 1]]


def arguments() -> dict[str, str]:
    """Return the build arguments with their defaults."""
    return dict(value.split("=", 1) for name, value in instructions() if name == "ARG" and "=" in value)


def compose() -> dict[str, Any]:
    """Read the compose file."""
    found = yaml.safe_load(COMPOSE.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def test_a_store_is_moved_in_with_its_log() -> None:
    """The documented commands mount the folder of a store: without its log the last changes would be lost."""
    page = (ROOT / "docker/README.md").read_text("utf-8")
    (moving,) = [shlex.split(line) for line in page.splitlines() if " store copy /" in line]
    source = moving[moving.index("copy") + 1]
    here, there, mode = moving[moving.index("--volume") + 1].rsplit(":", 2)
    assert (there, mode) == (source.rpartition("/")[0], "ro")
    assert "." not in here.rpartition("/")[2]


def test_both_stages_use_one_base_image_that_can_be_pinned() -> None:
    """The base image is an argument, so that a digest can be given, and its default is a slim tag."""
    assert [value.split()[0] for name, value in instructions() if name == "FROM"] == ["${PYTHON_IMAGE}"] * 2
    assert re.fullmatch(r"python:3\.\d+-slim", arguments()["PYTHON_IMAGE"])


def test_the_image_does_not_run_as_root() -> None:
    """The last user is a numeric id other than root's, and it writes to a volume."""
    last = dict(stage(1))
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", last["USER"])
    assert last["VOLUME"] == "/data"
    written = dict(pair.split("=", 1) for pair in shlex.split(last["ENV"]))
    assert all(written[name].startswith("/data") for name in ("HOME", "HF_HOME", "LINEAGE_CACHE", "LINEAGE_STORE"))


def test_the_image_has_labels_and_a_health_check() -> None:
    """Labels have title, licence and version; the health check reads the volume's store and needs no login."""
    last = dict(stage(1))
    labels = dict(pair.split("=", 1) for pair in shlex.split(last["LABEL"]))
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert arguments()["VERSION"] == __version__
    assert {"title", "description", "version", "revision"} <= {name.rsplit(".", 1)[1] for name in labels}
    assert json.loads(last["HEALTHCHECK"].partition("CMD ")[2]) == HEALTH
    assert json.loads(last["ENTRYPOINT"]) == ["lineage"]


def test_no_tools_and_no_secrets_are_left_in_the_image() -> None:
    """The last stage copies only the environment, package lists are deleted, and no argument is a secret."""
    copied = [value for name, value in stage(1) if name == "COPY"]
    assert copied == ["--from=build /opt/lineage /opt/lineage"]
    runs = " ".join(value for name, value in stage(1) if name == "RUN")
    assert "rm -rf /var/lib/apt/lists/*" in runs
    assert not re.search(r"TOKEN|PASSWORD|SECRET", DOCKERFILE.read_text("utf-8"))


def test_what_is_copied_is_sent_to_the_daemon() -> None:
    """The ignore file includes exactly the files that the build copies."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = {word for name, value in stage(0) if name == "COPY" for word in value.split()[:-1]}
    assert sent == copied
    assert all((ROOT / name).exists() for name in copied)


def test_hadolint_finds_nothing() -> None:
    """The linter of Dockerfiles reports nothing, except for rules that the file disables itself."""
    linter = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_is_well_formed() -> None:
    """The file is valid under the schema of compose files, and every volume, secret and dependency is declared."""
    from jsonschema import Draft202012Validator

    found = compose()
    schema = json.loads(SCHEMA.read_text("utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(found)] == []
    assert set(found) == {"name", "services", "secrets", "volumes"}
    for service in found["services"].values():
        assert "image" in service
        for volume in service.get("volumes", ()):
            assert volume.split(":")[0] in found["volumes"]
        assert set(service.get("secrets", ())) <= set(found["secrets"])
        assert set(service.get("depends_on", ())) <= set(found["services"])
    assert found["services"]["lineage"]["build"] == {"context": "..", "dockerfile": "docker/Dockerfile"}


def test_a_job_waits_for_a_healthy_server() -> None:
    """Only Neo4j starts by default; the job depends on it and runs on a read-only file system."""
    services = compose()["services"]
    assert [name for name, service in services.items() if "profiles" not in service] == ["neo4j"]
    job = services["lineage"]
    assert job["depends_on"] == {"neo4j": {"condition": "service_healthy"}}
    assert job["healthcheck"] == {"disable": True}, "each check would log in"
    assert job["read_only"] is True
    assert job["cap_drop"] == ["ALL"]
    assert job["environment"]["LINEAGE_STORE"] == "neo4j://neo4j:7687"


def test_the_server_is_well_once_it_shakes_hands_in_bolt_on_neo4j(neo4j_url: str) -> None:
    """The health check of compose succeeds on a real server and fails on a port without one."""
    *shell, check = compose()["services"]["neo4j"]["healthcheck"]["test"][1:]
    port = neo4j_url.rpartition(":")[2]
    with socket.create_server(("127.0.0.1", 0)) as free:
        unused = str(free.getsockname()[1])

    def status(port: str) -> int:
        command = [*shell, check.replace("$$", "$").replace("7687", port)]
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode

    assert "7687" in check
    assert status(port) == 0
    assert status(unused) != 0


def test_the_password_is_nowhere_and_the_server_is_not_on_the_network() -> None:
    """Containers get the password as a file that git ignores, and ports are bound to this machine only."""
    services, secrets = compose()["services"], compose()["secrets"]
    files = (
        services["neo4j"]["environment"]["NEO4J_AUTH_FILE"],
        services["lineage"]["environment"]["NEO4J_PASSWORD_FILE"],
    )
    assert files == ("/run/secrets/neo4j-auth", "/run/secrets/neo4j-password")
    assert (services["neo4j"]["secrets"], services["lineage"]["secrets"]) == (["neo4j-auth"], ["neo4j-password"])
    assert {secret["file"] for secret in secrets.values()} == {"./secrets/neo4j-auth", "./secrets/password"}
    assert not {"NEO4J_PASSWORD", "NEO4J_AUTH"} & {
        name for each in services.values() for name in each.get("environment", ())
    }
    assert all(port.startswith("127.0.0.1:") for port in services["neo4j"]["ports"])
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("umask", ["022", "077"])
def test_a_password_is_made_once(umask: str, tmp_path: Path) -> None:
    """Both files hold one password, readable in containers but not by other users here; a second run keeps them."""
    shutil.copy(ROOT / "docker/password.sh", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", "-c", f"umask {umask}; sh ./password.sh"], cwd=tmp_path, check=True, timeout=60)
        password, auth = ((tmp_path / "secrets" / name).read_text() for name in ("password", "neo4j-auth"))
        assert re.fullmatch(r"[0-9a-f]{32}\n", password)
        assert auth == f"neo4j/{password}"
        (tmp_path / "secrets/password").write_text(password := "0" * 32 + "\n")
        (tmp_path / "secrets/neo4j-auth").write_text(f"neo4j/{password}")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o644 for file in (tmp_path / "secrets").iterdir())


def test_the_server_is_the_one_that_the_tests_run_on() -> None:
    """Compose starts the Neo4j version that the backend is tested with."""
    from tools.neo4j_jars import VERSIONS

    images = {service["image"] for name, service in compose()["services"].items() if name != "lineage"}
    assert images == {f"${{NEO4J_IMAGE:-neo4j:{VERSIONS['neo4j-current']}}}"}
    assert f"neo4j:{VERSIONS['neo4j-lts']}" in (ROOT / "docker/README.md").read_text("utf-8")


def test_the_client_takes_the_compose_file(tmp_path: Path) -> None:
    """If Docker's client has compose, it resolves the file without a daemon."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed here")
    done = subprocess.run(
        [docker, "compose", "--file", str(COMPOSE), "--profile", "job", "--profile", "admin", "config", "--quiet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_steps_of_the_image_work_in_this_order(tmp_path: Path) -> None:
    """The steps of the build stage, run in an empty environment, install a working command."""
    source, home = tmp_path / "src", tmp_path / "data"
    source.mkdir()
    home.mkdir()
    env = {
        "PATH": f"{tmp_path / 'tools/bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(tmp_path),
        **_network(),
    }
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "tools"], check=True, timeout=120)
    for name, value in stage(0):
        if name == "ENV":
            pairs = dict(pair.split("=", 1) for pair in shlex.split(value))
            env |= {key: here.replace("/opt/lineage", str(tmp_path / "opt")) for key, here in pairs.items()}
        elif name == "COPY":
            *sources, target = value.split()
            for each in sources:
                _copy(ROOT / each, source if target == "./" else source / target)
        elif name == "RUN":
            command = value.replace("${UV_VERSION}", arguments()["UV_VERSION"])
            done = subprocess.run(command, shell=True, cwd=source, env=env, capture_output=True, text=True, check=False)
            _need_packages(done)
    given = dict(pair.split("=", 1) for pair in shlex.split(dict(stage(1))["ENV"]))
    env |= {
        key: here.replace("/opt/lineage", str(tmp_path / "opt")).replace("/data", str(home))
        for key, here in given.items()
    }
    env["PATH"] = f"{tmp_path / 'opt/bin'}:/usr/bin:/bin"
    health = [word.replace("/data", str(home)) for word in HEALTH]
    for typed in (["lineage", *json.loads(dict(stage(1))["CMD"])], health, ["lineage", "demo", "--quiet"]):
        answered = subprocess.run(typed, cwd=home, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert answered.returncode == 0, answered.stderr
    installed = subprocess.run(
        [tmp_path / "opt/bin/python", "-c", "import lineage, sys; print(lineage.__file__); import pytest"],
        cwd=home, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert str(tmp_path / "opt/lib") in installed.stdout
    assert "No module named 'pytest'" in installed.stderr


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _network() -> dict[str, str]:
    """Keep the variables that configure the package index and the package caches."""
    from tools.neo4j_jars import ENVIRON

    names = (
        "PIP_",
        "UV_INDEX",
        "UV_DEFAULT",
        "SSL_",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "no_proxy",
    )
    return {name: value for name, value in ENVIRON.items() if name.startswith(names)}


def _need_packages(done: subprocess.CompletedProcess[str]) -> None:
    """Skip if no package index can be reached, unless CI is set; everything else must work."""
    unreachable = re.search(r"Could not find a version|[Cc]onnection|dns error|Failed to fetch", done.stderr)
    if done.returncode and unreachable and not os.environ.get("CI"):
        pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
