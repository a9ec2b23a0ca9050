"""`lineage audit`: what is found of a product's models, what is unchecked, and what the verdict is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from lineage.answers.audit.audit import AuditOptions
from lineage.answers.audit.baseline import accepted_by, read_baseline, write_baseline
from lineage.answers.findings import finding
from lineage.errors import InputError
from lineage_schemas.answers.audit import AuditAnswer, AuditFinding
from lineage_schemas.pointer import Pointer
from lineage_schemas.reference import Place
from tests.answers.audit.products import CARD, audited, found, product
from tests.support.bare_repository import BareRepository
from tests.support.notes import Notes
from tests.support.readings import WEIGHTS, weights
from tests.support.torch_files import PROTO, STOP, archive, dict_of
from tests.support.torch_files import name as torch_name
from tests.support.torch_files import text as torch_text


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Make a model on a directory Hub whose weights were replaced without a word after its first commit."""
    model = BareRepository(tmp_path / "hub/org/name.git")
    model.commit({WEIGHTS: weights(1), "README.md": CARD, "config.json": b"{}"})
    model.commit({WEIGHTS: weights(2)})
    return tmp_path / "hub"


def first_commit(hub: Path, name: str = "org/name") -> str:
    """Return the first commit of a model."""
    return BareRepository(hub / f"{name}.git").git("rev-list", "--max-parents=0", "main")


def head(hub: Path, name: str = "org/name") -> str:
    """Return the last commit of a model."""
    return BareRepository(hub / f"{name}.git").git("rev-parse", "main")


def of(tmp_path: Path, hub: Path, settings: str, options: AuditOptions | None = None) -> AuditAnswer:
    """Audit a product with a new store."""
    folder = product(tmp_path / "product", settings)
    return audited(folder, options, hub_selector=str(hub), store_url="memory:")


def test_a_model_without_a_revision_is_unpinned(tmp_path: Path, hub: Path) -> None:
    """The finding names the place, the commit to pin, and what happened to the weights so far."""
    answer = of(tmp_path, hub, '[models."org/name"]\n')
    (finding,) = [each for each in answer.findings if each.id == "unpinned-model"]
    assert [(each.file, each.line) for each in finding.places] == [("lineage.toml", 1)]
    assert head(hub) in finding.message
    assert "changed once after the first upload, 1 of them without a version or a note" in finding.message
    assert answer.verdict == "findings"
    assert (answer.models[0].commit, answer.models[0].licence) == (head(hub), "apache-2.0")


def test_a_pinned_model_shows_what_changed_since(tmp_path: Path, hub: Path) -> None:
    """A pin at an old commit is no unpinned model; the silent change after it is found, and the pinned state judged."""
    pin = first_commit(hub)
    answer = of(tmp_path, hub, f'[models."org/name"]\nrevision = "{pin}"\n')
    assert found(answer)["org/name"][0] == "weights-changed-since-pin"
    assert "unpinned-model" not in found(answer)["org/name"]
    (model,) = answer.models
    assert (model.commit, model.revision) == (pin, pin)
    assert model.weights[0].files
    assert model.weights[0].weights


def test_a_tag_can_move(tmp_path: Path, hub: Path) -> None:
    """A tag and a branch are moving revisions, and both resolve to the commit that is judged."""
    BareRepository(hub / "org/name.git").git("tag", "v1", first_commit(hub))
    for revision, words in (("v1", "the tag v1"), ("main", "the branch main"), (head(hub)[:9], "first digits")):
        answer = of(tmp_path, hub, f'[models."org/name"]\nrevision = "{revision}"\n')
        (finding,) = [each for each in answer.findings if each.id == "moving-revision"]
        assert words in finding.message


def test_a_commit_that_is_gone_is_an_error(tmp_path: Path, hub: Path) -> None:
    """A pin that no branch has is found, and the model is not clean."""
    answer = of(tmp_path, hub, f'[models."org/name"]\nrevision = "{"0" * 40}"\n')
    assert found(answer)["org/name"][0] == "pinned-commit-vanished"
    assert [each.what for each in answer.unchecked] == [f"org/name@{'0' * 40}"]


def test_a_model_that_is_missing_is_found_and_unchecked(tmp_path: Path, hub: Path) -> None:
    """Nothing is known of it, so an ignored finding leaves the row that says so only if it is not ignored."""
    answer = of(tmp_path, hub, '[models."org/nothing"]\n')
    assert answer.verdict == "findings"
    assert "model-missing" in found(answer)["org/nothing"]
    assert [each.what for each in answer.unchecked] == ["org/nothing"]


def test_nothing_to_audit_is_no_clean_product(tmp_path: Path, hub: Path) -> None:
    """A tree without a reference has a verdict of its own, and a folder that does not exist is an error."""
    answer = of(tmp_path, hub, "")
    assert answer.verdict == "nothing_to_audit"
    with pytest.raises(InputError, match="nowhere"):
        audited(tmp_path / "nowhere", hub_selector=str(hub), store_url="memory:")


def test_offline_with_nothing_collected_is_unchecked(tmp_path: Path) -> None:
    """A model of which the store has nothing is unchecked with the command that reads it, never clean."""
    folder = product(tmp_path / "product", f'[models."org/name"]\nrevision = "{"1" * 40}"\n')
    answer = audited(folder, offline=True, store_url="memory:")
    assert answer.verdict == "unchecked"
    (item,) = answer.unchecked
    assert (item.what, item.decide_with) == ("org/name", "lineage collect org/name")
    assert [each.file for each in item.places] == ["lineage.toml"]


def test_settings_ignore_a_finding_and_what_it_leaves_unchecked(tmp_path: Path, hub: Path) -> None:
    """A missing model that the project accepts with a reason is neither counted nor listed as unchecked."""
    ignore = '[[ignore]]\nrule = "LA005"\nmodel = "org/*"\nreason = "known"\n'
    answer = of(tmp_path, hub, f'[models."org/nothing"]\n{ignore}')
    assert (answer.verdict, answer.unchecked, found(answer)) == ("clean", (), {})
    assert answer.summary.ignored == 1


def test_lists_deny_licences_publishers_and_formats(tmp_path: Path, hub: Path) -> None:
    """What the project file denies, or does not list as allowed, is an error of its own rule."""
    lists = '[licences]\ndeny = ["Apache-2.0"]\n[publishers]\nallow = ["other"]\n[formats]\nallow = ["gguf"]\n'
    rules = found(of(tmp_path, hub, f'[models."org/name"]\n{lists}'))["org/name"]
    assert rules[:3] == ["licence-denied", "publisher-denied", "format-denied"]
    allowed = '[licences]\nallow = ["apache-2.0"]\n[publishers]\nallow = ["ORG"]\n[formats]\ndeny = ["pickle"]\n'
    rules = found(of(tmp_path, hub, f'[models."org/name"]\n{allowed}'))["org/name"]
    assert not [each for each in rules if each.endswith("-denied")]


def test_a_listed_licence_that_is_not_known_is_noted(tmp_path: Path) -> None:
    """Its text counts as it is written, which a user learns from a note; known identifiers have none."""
    folder, notes = product(tmp_path / "product", '[licences]\ndeny = ["acme-internal", "MIT"]\n'), Notes()
    audited(folder, store_url="memory:", offline=True, progress=notes)
    assert [each for each in notes.notes if "licence" in each] == [
        "the licence 'acme-internal' of [licences] is not known; it means the models whose card has this text"
    ]


def test_a_baseline_accepts_what_it_lists_and_nothing_new(tmp_path: Path, hub: Path) -> None:
    """Findings of today are accepted by rule, model and file, whatever their line; a new model counts."""
    baseline = tmp_path / "baseline.json"
    settings = '[models."org/name"]\n'
    of(tmp_path, hub, settings, AuditOptions(baseline=baseline, update_baseline=True))
    accepted = of(tmp_path, hub, f"# a comment\n\n{settings}", AuditOptions(baseline=baseline))
    assert (accepted.summary.counting, found(accepted)) == (0, {})
    assert accepted.summary.ignored == len(accepted.findings) > 0
    new = of(tmp_path, hub, f'{settings}[models."org/new"]\n', AuditOptions(baseline=baseline))
    assert new.verdict == "findings"
    assert set(found(new)) == {"org/new"}


@pytest.mark.parametrize("text", ["", "[]", '{"accepted": [1], "version": 1}', '{"accepted": [], "version": 2}'])
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, hub: Path, text: str) -> None:
    """A baseline that is not understood would hide findings: the message says what is wrong and how to write it."""
    (tmp_path / "baseline.json").write_text(text)
    with pytest.raises(InputError, match=r"baseline"):
        of(tmp_path, hub, "", AuditOptions(baseline=tmp_path / "baseline.json"))
    with pytest.raises(InputError, match="cannot be read"):
        of(tmp_path, hub, "", AuditOptions(baseline=tmp_path / "none.json"))


def test_an_accepted_moving_revision_does_not_hide_an_unknown_one(tmp_path: Path, hub: Path) -> None:
    """The product moves to a revision that does not exist: nothing of it was read, so the product is not clean."""
    baseline, settings = tmp_path / "baseline.json", '[models."org/name"]\nrevision = "{}"\n'
    of(tmp_path, hub, settings.format("main"), AuditOptions(baseline=baseline, update_baseline=True))
    assert of(tmp_path, hub, settings.format("main"), AuditOptions(baseline=baseline)).verdict == "clean"
    answer = of(tmp_path, hub, settings.format("gone"), AuditOptions(baseline=baseline))
    assert (answer.verdict, [each.what for each in answer.unchecked]) == ("unchecked", ["org/name@gone"])


def test_a_baseline_accepts_nothing_more_severe(tmp_path: Path) -> None:
    """A signature that could not be checked is accepted, and a wrong one of the same model counts."""
    pointer, places = Pointer(model="org/name"), (Place(file="app.py", line=1, column=1),)
    wrong = AuditFinding(**finding("signature-mismatch", "wrong", pointer).model_dump(), places=places)
    open_one = wrong.model_copy(update={"severity": "info"})
    write_baseline(tmp_path / "b.json", [open_one])
    accepted = read_baseline(tmp_path / "b.json")
    assert accepted_by(open_one, accepted).ignored is not None
    assert accepted_by(wrong, accepted).ignored is None
    write_baseline(tmp_path / "b.json", [open_one, wrong])
    assert "severity" not in (tmp_path / "b.json").read_text()
    assert accepted_by(open_one, read_baseline(tmp_path / "b.json")).ignored is not None


def test_update_baseline_replaces_nothing_but_a_baseline(tmp_path: Path, hub: Path) -> None:
    """A source that is named by mistake keeps its text, and so does a pipe; a broken baseline is written again."""
    source, broken, pipe = tmp_path / "app.py", tmp_path / "broken.json", tmp_path / "pipe"
    source.write_text("import this\n")
    broken.write_text('{"accepted": [')
    os.mkfifo(pipe)
    for path in (source, pipe):
        with pytest.raises(InputError, match="is not a baseline"):
            of(tmp_path, hub, "", AuditOptions(baseline=path, update_baseline=True))
    with pytest.raises(InputError, match="is not a regular file"):
        of(tmp_path, hub, "", AuditOptions(baseline=pipe))
    of(tmp_path, hub, "", AuditOptions(baseline=broken, update_baseline=True))
    assert source.read_text() == "import this\n"
    assert '"version": 1' in broken.read_text()


def test_each_commit_of_a_model_is_judged(tmp_path: Path, hub: Path) -> None:
    """A model that is used at two commits is judged at both: one holds pickles only, the other does not."""
    model = BareRepository(hub / "org/name.git")
    pickled = model.commit({WEIGHTS: None, "pytorch_model.bin": b"not read"}, later=10**6)
    folder = product(
        tmp_path / "product", "",
        app__py=f"""from transformers import AutoModel
a = AutoModel.from_pretrained("org/name", revision="{first_commit(hub)}")
b = AutoModel.from_pretrained("org/name", revision="{pickled}")
""",
    )  # fmt: skip
    answer = audited(folder, hub_selector=str(hub), store_url="memory:")
    assert [each.commit for each in answer.models] == sorted([first_commit(hub), pickled])
    (finding,) = [each for each in answer.findings if each.id == "pickle-only"]
    assert [each.line for each in finding.places] == [3]


def test_what_a_pickle_would_call_is_an_error(tmp_path: Path, hub: Path) -> None:
    """The names are read from the pickle and never called; a pickle that was not read is unchecked."""
    call = torch_name("posix", "system") + b"(" + torch_text("touch canary") + b"tR"
    state = archive(PROTO + dict_of({"a": call}) + STOP, {})
    for number, (content, severity) in enumerate(((state, "error"), (b"no pickle at all", "info"))):
        BareRepository(hub / f"org/pickled{number}.git").commit({"pytorch_model.bin": content, "README.md": CARD})
        answer = of(tmp_path, hub, f'[models."org/pickled{number}"]\n')
        (finding,) = [each for each in answer.findings if each.id == "pickle-calls"]
        assert finding.severity == severity
        assert ("posix.system" in finding.message) is (severity == "error")
        assert any("would call" in each.what for each in answer.unchecked) is (severity == "info")


def test_weights_in_the_tree_are_identified(tmp_path: Path, hub: Path) -> None:
    """Copied weights are the recorded commit that has them; others are unchecked with the command that decides it."""
    (tmp_path / "product/models/mine").mkdir(parents=True)
    (tmp_path / "product/models" / WEIGHTS).write_bytes(weights(1))
    (tmp_path / "product/models/mine/other.safetensors").write_bytes(weights(7))
    answer = of(tmp_path, hub, '[models."org/name"]\n')
    (copied,) = [each for each in answer.references if each.file == f"models/{WEIGHTS}"]
    assert (copied.model, copied.revision, copied.pinned, copied.grade) == (
        "org/name", first_commit(hub), True, "certain",
    )  # fmt: skip
    (unknown,) = [each for each in answer.unchecked if "other.safetensors" in each.what]
    assert unknown.decide_with is not None
    assert "lineage verify" in unknown.decide_with


def test_an_unresolved_reference_is_unchecked_until_it_is_accepted(tmp_path: Path, hub: Path) -> None:
    """A model that the source does not show leaves the product unchecked; a baseline accepts the place."""
    source = "import os\nfrom transformers import AutoModel\nAutoModel.from_pretrained(os.environ['MODEL'])\n"
    folder = product(tmp_path / "product", "", app__py=source)
    where: dict[str, Any] = {"hub_selector": str(hub), "store_url": "memory:"}
    answer = audited(folder, **where)
    assert (answer.verdict, [each.places[0].line for each in answer.unchecked]) == ("unchecked", [3])
    baseline = tmp_path / "baseline.json"
    audited(folder, AuditOptions(baseline=baseline, update_baseline=True), **where)
    assert not audited(folder, AuditOptions(baseline=baseline), **where).unchecked


def test_a_name_that_was_registered_again_is_found(tmp_path: Path, hub: Path) -> None:
    """The pinned repository was deleted, and another one has its name: both is said, whatever the pin."""
    settings = f'[models."org/name"]\nrevision = "{first_commit(hub)}"\n'
    folder = product(tmp_path / "product", settings)
    where: dict[str, Any] = {"hub_selector": str(hub), "store_url": str(tmp_path / "lineage.db")}
    audited(folder, **where)
    shutil.rmtree(hub / "org/name.git")
    BareRepository(hub / "org/name.git").commit({WEIGHTS: weights(8), "README.md": CARD}, later=10**6)
    rules = found(audited(folder, **where))["org/name"]
    assert {"name-reregistered", "pinned-commit-vanished"} <= set(rules)


@pytest.mark.parametrize(
    ("call", "rules"),
    [
        ('AutoModel.from_pretrained("org/name")', []),
        ('hf_hub_download("org/name", "config.json")', []),
        ('hf_hub_download("org/name", "pytorch_model.bin")', ["pickle-only", "format-denied"]),
        ('AutoModel.from_pretrained("org/name", subfolder="old")', ["pickle-only", "format-denied"]),
        ('AutoModel.from_pretrained("org/name", subfolder="both")', []),
        ('hf_hub_download("org/name", subfolder="both", filename="*.bin")', ["pickle-only", "format-denied"]),
        ('hf_hub_download("org/name", filename="gone.pth")', ["pickle-only", "format-denied"]),
    ],
)
def test_the_weights_that_a_product_names_count(tmp_path: Path, call: str, rules: list[str]) -> None:
    """The main weights are safetensors; a call that names another file loads that one, and a folder its files."""
    pickle = archive(PROTO + dict_of([]) + STOP, {})
    model = BareRepository(tmp_path / "hub/org/name.git")
    pickles = dict.fromkeys(("pytorch_model.bin", "old/pytorch_model.bin", "both/pytorch_model.bin"), pickle)
    model.commit({WEIGHTS: weights(1), f"both/{WEIGHTS}": weights(2), "config.json": b"{}", **pickles})
    folder = product(tmp_path / "product", '[formats]\ndeny = ["pickle"]\n', app__py=call + "\n")
    answer = audited(folder, hub_selector=str(tmp_path / "hub"), store_url="memory:")
    about_formats = ("pickle-only", "format-denied")
    assert [each.id for each in answer.findings if each.id in about_formats] == sorted(rules)
