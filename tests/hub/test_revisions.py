"""Which commit a text means, whatever the refs and commits are."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import RevisionNotFoundError
from lineage.hub.revisions import MIN_DIGITS, NamedCommit, is_full_id, may_be_id, meaning_of
from lineage_schemas.history_ref import HistoryRef, RefKind

pytestmark = pytest.mark.slow

# Few digits and short names, so that ids begin alike, and names are those of other refs and beginnings of ids.
ids = st.builds(
    lambda start, end: (start * 40)[:30] + end * 10, st.sampled_from(["a", "ab", "0"]), st.sampled_from("a0")
)
short_names = st.sampled_from(["main", "2.0", "release/2.0", "a" * 7, "ab" * 20, "refs/tags/2.0", "HEAD", "2024-01-02"])
KINDS: dict[str, RefKind] = {"refs/heads/": "branch", "refs/tags/": "tag", "refs/pr/": "pull_request"}
full_names = st.builds(str.__add__, st.sampled_from(sorted(KINDS)), short_names)
all_refs = st.dictionaries(full_names, ids, max_size=6).map(
    lambda named: [
        HistoryRef(name=name, kind=KINDS[name[: name.index("/", 5) + 1]], target=at) for name, at in named.items()
    ]
)
all_commits = st.sets(ids, max_size=6)
texts = st.one_of(
    short_names,
    full_names,
    ids,
    st.builds(lambda commit, end: commit[:end], ids, st.integers(0, 40)),
    st.text(max_size=8),
)


@given(all_refs, all_commits, ids)
def test_a_full_id_means_itself(refs: list[HistoryRef], commits: set[str], asked: str) -> None:
    """A full id means its commit, whatever refs are called, and nothing where the commit is not there."""
    meaning = meaning_of(asked, refs, commits)
    there = asked in commits or asked in {ref.target for ref in refs}
    assert meaning.named == ((NamedCommit(asked),) if there else ())


@given(all_refs, all_commits, texts, st.randoms())
def test_no_order_matters(refs: list[HistoryRef], commits: set[str], text: str, shuffled: random.Random) -> None:
    """Refs and commits mean the same in every order."""
    expected = meaning_of(text, refs, sorted(commits))
    other_refs, other_commits = list(refs), sorted(commits)
    shuffled.shuffle(other_refs)
    shuffled.shuffle(other_commits)
    assert meaning_of(text, other_refs, other_commits) == expected


@given(all_refs, all_commits, st.builds(lambda commit, end: commit[:end], ids, st.integers(MIN_DIGITS, 40)))
def test_the_case_of_digits_does_not_matter(refs: list[HistoryRef], commits: set[str], text: str) -> None:
    """Ids and their beginnings mean the same in capitals, unless the text is the name of a ref."""
    lower, upper = meaning_of(text, refs, commits), meaning_of(text.upper(), refs, commits)
    if not any(found.ref for found in (*lower.named, *upper.named)):
        assert upper.named == lower.named


@given(all_refs, all_commits, texts)
def test_the_name_of_a_ref_is_never_taken_for_digits(refs: list[HistoryRef], commits: set[str], text: str) -> None:
    """A text that is the name of refs means commits of these alone, unless it is a full id."""
    names = {ref.name: ref.target for ref in refs}
    written = (text,) if text.startswith("refs/") else (f"refs/heads/{text}", f"refs/tags/{text}")
    called = [names[name] for name in written if name in names]
    if called and not is_full_id(text):
        meaning = meaning_of(text, refs, commits)
        assert meaning.named
        assert meaning.commits <= set(called)
        assert all(found.ref in names for found in meaning.named)


def test_a_full_name_is_never_the_rest_of_another() -> None:
    """A branch whose own name begins with `refs/` does not stand for a ref that does not exist."""
    refs = [HistoryRef(name="refs/heads/refs/heads/main", kind="branch", target="a" * 40)]
    assert meaning_of("refs/heads/main", refs, ()).named == ()
    assert meaning_of("refs/heads/refs/heads/main", refs, ()).only == NamedCommit("a" * 40, refs[0].name)


@given(all_refs, all_commits, texts)
def test_nothing_is_guessed(refs: list[HistoryRef], commits: set[str], text: str) -> None:
    """One commit is the answer, several are reported as ambiguous, none as unknown: each with what to do."""
    meaning = meaning_of(text, refs, commits)
    if len(meaning.commits) == 1:
        assert meaning.require("org/name") == meaning.only == meaning.named[0]
        assert meaning.ambiguity() is None
        return
    assert meaning.only is None
    assert (meaning.ambiguity() is None) == (not meaning.commits)
    with pytest.raises(RevisionNotFoundError, match="org/name") as raised:
        meaning.require("org/name")
    assert raised.value.hint


@given(all_refs, all_commits, texts)
def test_what_is_meant_is_there(refs: list[HistoryRef], commits: set[str], text: str) -> None:
    """Only known commits are meant; by digits only those that begin with at least seven of them."""
    known = commits | {ref.target for ref in refs}
    meaning = meaning_of(text, refs, commits)
    assert meaning.commits <= known
    if any(found.ref is None for found in meaning.named):
        assert len(text) >= MIN_DIGITS
        assert meaning.commits == {commit for commit in known if commit.startswith(text.lower())}


@given(all_refs, texts)
def test_commits_are_not_looked_up_where_a_ref_is_meant(refs: list[HistoryRef], text: str) -> None:
    """Ids are not gone through for a ref, nor for what cannot be an id: on a remote Hub they cost requests."""

    def costly() -> Iterator[str]:
        yield from ()
        raise AssertionError("a history was asked for")

    if any(found.ref for found in meaning_of(text, refs, ()).named) or not may_be_id(text):
        meaning_of(text, refs, costly())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0", {"refs/tags/2.0"}),
        ("release/2.0", {"refs/heads/release/2.0"}),
        ("heads/release/2.0", set()),
        ("both", {"refs/heads/both", "refs/tags/both"}),
        ("refs/heads/both", {"refs/heads/both"}),
        ("refs/pr/3", {"refs/pr/3"}),
        ("pr/3", set()),
        ("3", set()),
        ("Both", set()),
        ("", set()),
    ],
)
def test_names_of_refs(text: str, expected: set[str]) -> None:
    """Branches and tags have short names, other refs only full ones; a branch is never preferred to a tag."""
    names = ["refs/heads/release/2.0", "refs/tags/2.0", "refs/heads/both", "refs/tags/both", "refs/pr/3"]
    refs = [HistoryRef(name=name, kind="tag", target=f"{number:040x}") for number, name in enumerate(names)]
    assert {found.ref for found in meaning_of(text, refs, ()).named} == expected


def test_a_branch_and_a_tag_on_one_commit_are_not_ambiguous() -> None:
    """A name that leads to one commit only is clear; the branch is named."""
    refs = [HistoryRef(name=f"refs/{kind}/v1", kind="tag", target="a" * 40) for kind in ("tags", "heads")]
    assert meaning_of("v1", refs, ()).require("m") == ("a" * 40, "refs/heads/v1")


@pytest.mark.parametrize("digits", string.hexdigits[:16])
def test_a_plain_folders_id_follows_the_same_rules(digits: str) -> None:
    """`folder:` and seven digits mean the one commit of a folder, six do not, and digits alone begin no such id."""
    commit = f"folder:{digits * 64}"
    for end in (14, 30, 71):
        assert meaning_of(commit[:end], (), [commit]).only == (commit, None)
    for text in (commit[:13], digits * 7, digits * 40, "folder:"):
        assert meaning_of(text, (), [commit]).named == ()
