"""The facets of a diff: read from real repositories, on this machine and over HTTP, and shown in every format."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from lineage.answers.diff import diff
from lineage.answers.session import Session
from lineage.hub.interface import MAX_TEXT_BYTES
from lineage.report.render import render
from lineage.report.text import plain
from lineage_schemas.answers.diff import DiffAnswer
from lineage_schemas.export import json_schema
from lineage_schemas.facet import FACETS, Facet
from tests.cli.running import lineage
from tests.support.bare_repository import BareRepository
from tests.support.hub_server import HubServer
from tests.support.readings import BOTH_KINDS
from tests.support.weight_files import safetensors_bytes

WEIGHTS = safetensors_bytes({"w": ("U8", (4,), b"abcd")})

FIRST = {
    "README.md": b"---\nlicense: mit\n---\n# Model\n",
    "model.safetensors": WEIGHTS,
    "config.json": b'{"model_type": "llama", "hidden_size": 4, "max_position_embeddings": 512}',
    "generation_config.json": b'{"eos_token_id": 1}',
    "tokenizer.json": b'{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}',
    "tokenizer_config.json": b'{"eos_token": "</s>", "chat_template": "{{ one }}"}',
    "vocab.json": b'{"a": 0, "b": 1}',
}

SECOND = {
    "generation_config.json": b'{"eos_token_id": 2}',
    "tokenizer.json": b'{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2}, "merges": []}}',
    "tokenizer_config.json": b'{"eos_token": "<|end|>"}',
    "chat_template.jinja": b"{{ two }}",
}


@pytest.fixture
def repository(tmp_path: Path) -> BareRepository:
    """Make a repository with a first upload."""
    made = BareRepository(tmp_path / "hub" / "a" / "b.git")
    made.commit(FIRST)
    return made


@pytest.fixture(params=BOTH_KINDS)
def compare(
    request: pytest.FixtureRequest, repository: BareRepository, tmp_path: Path
) -> Iterator[Callable[[], DiffAnswer]]:
    """Compare the last two commits, from a directory or from a server with the same repository."""

    def answered(session: Session) -> DiffAnswer:
        before, after = (repository.git("rev-parse", name) for name in ("HEAD~1", "HEAD"))
        answer = diff(session, f"a/b@{before}", f"a/b@{after}")
        jsonschema.validate(json.loads(answer.model_dump_json(by_alias=True)), json_schema("diff.v1"))
        return answer

    if request.param == "directory":
        with Session(hub_selector=str(tmp_path / "hub"), store_url="memory:") as session:
            yield lambda: answered(session)
        return
    with HubServer() as server:
        server.add("a/b", repository.git_dir)
        with Session(settings=server.settings(tmp_path), store_url="memory:") as session:
            yield lambda: answered(session)


def by_name(answer: DiffAnswer) -> dict[str, Facet]:
    """Map the facets of an answer, of which there is one of each, in order."""
    assert [each.name for each in answer.by_facet] == list(FACETS)
    return {each.name: each for each in answer.by_facet}


def test_facets_are_judged(repository: BareRepository, compare: Callable[[], DiffAnswer]) -> None:
    """Tokens, templates and defaults that changed without the weights are shown with values and pointers."""
    second = repository.commit(SECOND)
    found = by_name(compare())
    changed = {name: [(c.field, c.kind) for c in facet.changes] for name, facet in found.items() if facet.changes}
    assert changed == {
        "tokenizer": [("vocabulary", "appended"), ("eos_token", "changed")],
        "chat_template": [("default", "changed")],
        "generation": [("eos_token_id", "changed")],
    }
    assert {facet.state for name, facet in found.items() if name not in changed} == {"same"}
    template = found["chat_template"].changes[0]
    assert (template.before, template.after) == ('"{{ one }}"', '"{{ two }}"')
    assert (template.pointer.model, template.pointer.revision, template.pointer.file) == (
        "a/b",
        second,
        "chat_template.jinja",
    )


def test_a_commit_that_changes_nothing_is_the_same(
    repository: BareRepository, compare: Callable[[], DiffAnswer]
) -> None:
    """Configs that are only written otherwise change no facet."""
    repository.commit({"generation_config.json": b'{ "eos_token_id": 1 }', "vocab.json": b'{"b": 1, "a": 0}'})
    assert {each.state for each in compare().by_facet} == {"same"}


@pytest.mark.slow
def test_a_tokenizer_that_is_too_long_is_compared_by_its_hash(
    repository: BareRepository, compare: Callable[[], DiffAnswer]
) -> None:
    """Its bytes are not fetched: it is known that they differ, and unjudged what changed in them."""
    for end in (b" ", b"  "):
        repository.commit({"tokenizer.json": FIRST["tokenizer.json"] + b" " * MAX_TEXT_BYTES + end}, lfs=False)
    answer = compare()
    facet = by_name(answer)["tokenizer"]
    assert [(each.field, each.kind) for each in facet.changes] == [("tokenizer.json", "replaced")]
    assert [each.pointer.file for each in facet.unjudged] == ["tokenizer.json"]
    assert "more than the 10,000,000 bytes that are read of a text" in facet.unjudged[0].reason
    written = render(answer, "table")
    assert not isinstance(written, str)
    assert "not judged: tokenizer.json: 10,000,0" in plain(written)


@pytest.mark.slow
def test_a_remote_hub_is_asked_for_what_differs_only(repository: BareRepository, tmp_path: Path) -> None:
    """One request for each side of a text that differs, at most twelve such texts, none for equal ids."""
    parts = [f"part{number:02}/config.json" for number in range(20)]
    repository.commit(dict.fromkeys(parts, b'{"hidden_size": 1}'))
    repository.commit({**SECOND, **dict.fromkeys(parts, b'{"hidden_size": 2}')})
    with HubServer() as server:
        server.git = False
        server.add("a/b", repository.git_dir)
        with Session(settings=server.settings(tmp_path), store_url="memory:") as session:
            before, after = (repository.git("rev-parse", name) for name in ("HEAD~1", "HEAD"))
            answer = diff(session, f"a/b@{before}", f"a/b@{after}")
        read = [asked.path.partition(f"/resolve/{commit}/")[2] for asked in server.log for commit in (before, after)]
    texts = [path for path in read if path and path not in ("README.md", "config.json", "model.safetensors")]
    assert "vocab.json" not in texts
    assert texts.count("generation_config.json") == 2
    assert 20 < len(texts) <= 2 * (1 + 12)
    facet = by_name(answer)["architecture"]
    assert {each.reason for each in facet.unjudged} == {"more than 12 small files would have to be read"}
    assert len(facet.changes) + len({each.pointer.file for each in facet.unjudged}) == len(parts)


@pytest.mark.slow
def test_the_table_and_markdown_show_facets(repository: BareRepository, tmp_path: Path) -> None:
    """Each format has the changed facets with their changes, and counts those that are the same."""
    repository.commit(SECOND)
    before, after = (repository.git("rev-parse", name) for name in ("HEAD~1", "HEAD"))
    command = [
        "diff",
        f"a/b@{before}",
        f"a/b@{after}",
        "--hub",
        str(tmp_path / "hub"),
        "--store",
        str(tmp_path / "s.db"),
    ]
    table = lineage(*command)
    assert table.returncode == 0
    assert "Facets: 3 changed, 13 the same" in table.stdout
    assert '  tokenizer            vocabulary appended 2 → 3; eos_token "</s>" → "<|end|>"' in table.stdout
    assert "  generation defaults  eos_token_id 1 → 2" in table.stdout
    markdown = lineage(*command, "--format", "markdown").stdout
    assert "| generation defaults | changed | `eos_token_id 1 → 2` |" in markdown


@pytest.mark.slow
def test_an_unjudged_facet_ends_with_2(repository: BareRepository, tmp_path: Path) -> None:
    """A tokenizer that is no JSON is not compared: exit code 2, and the line names the file and the reason."""
    repository.commit({"tokenizer.json": b"{"})
    before, after = (repository.git("rev-parse", name) for name in ("HEAD~1", "HEAD"))
    done = lineage(
        "diff", f"a/b@{before}", f"a/b@{after}", "--hub", str(tmp_path / "hub"), "--store", str(tmp_path / "s.db")
    )
    assert done.returncode == 2
    assert "Facets: 1 not judged, 15 the same" in done.stdout
    assert "not judged: tokenizer.json: it is not JSON" in done.stdout
