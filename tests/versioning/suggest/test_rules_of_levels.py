"""Rules of levels: each fires for its own change, and not for one that looks alike."""

from __future__ import annotations

import pytest

from lineage.versioning.facets.files import texts_to_read
from lineage.versioning.facets.judge import judge
from lineage.versioning.facets.weights import Decided
from lineage.versioning.suggest.fired import Between, Suggestion
from lineage.versioning.suggest.level import OTHER_BYTES, Flips, suggest
from lineage_schemas.answers.diff import WeightsDiffKind
from lineage_schemas.licence import LicenceRelation
from tests.support.sides import Files, side_of

CONFIG = {
    "model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2, "vocab_size": 32, "max_position_embeddings": 128,
    "rope_theta": 10000.0, "id2label": {"0": "no", "1": "yes"}, "target_modules": ["q", "v"], "torch_dtype": "float32",
}  # fmt: skip
TOKENIZER = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}, "normalizer": {"type": "NFC"}}
CARD = "---\nlicense: mit\nbase_model: org/base\npipeline_tag: text-generation\n---\n# Model\n"
FILES: Files = {
    "README.md": CARD,
    "config.json": CONFIG,
    "tokenizer.json": TOKENIZER,
    "tokenizer_config.json": {"eos_token": "</s>", "padding_side": "right", "chat_template": "{{ one }}"},
    "generation_config.json": {"temperature": 1.0},
    "model.safetensors": b"one",
    "train.py": b"print(1)",
}


def compare(
    after: Files, before: Files = FILES, *, relation: LicenceRelation | None = None, decided: Decided | None = None
) -> Suggestion:
    """Judge the change from some files to others; what is None is removed."""
    old, new = side_of(before), side_of(after, commit="b" * 40)
    facets = judge(old, new, decided=decided, relation=relation)
    return suggest(Between(old, new, facets, relation))


def rules(found: Suggestion) -> set[str]:
    """Name the rules that fired."""
    return {each.rule for each in found.fired}


def config(**fields: object) -> Files:
    """Change fields of config.json; None removes one."""
    changed = {**CONFIG, **fields}
    return {**FILES, "config.json": {key: value for key, value in changed.items() if value is not None}}


def without(path: str) -> Files:
    """Leave a file out."""
    return {name: content for name, content in FILES.items() if name != path}


def tokenizer(**settings: object) -> Files:
    """Change settings of tokenizer_config.json."""
    return {**FILES, "tokenizer_config.json": {**dict(FILES["tokenizer_config.json"]), **settings}}  # type: ignore[arg-type]


def vocabulary(**tokens: int) -> Files:
    """Change the vocabulary."""
    model = {"type": "BPE", "vocab": tokens, "merges": []}
    return {**FILES, "tokenizer.json": {**TOKENIZER, "model": model}}


def card(old: str, new: str) -> Files:
    """Replace a part of the card."""
    return {**FILES, "README.md": CARD.replace(old, new)}


CASES: list[tuple[str, Files, str, Files | None]] = [
    ("architecture-change", config(num_hidden_layers=3), "metadata-change", config(target_modules=["v", "q"])),
    ("architecture-change", config(model_type="mistral"), "vocabulary-appended", config(vocab_size=40)),
    ("architecture-change", config(vocab_size=30), "metadata-change", config(attention_bias=False)),
    ("architecture-change", config(position_embedding_type="relative_key"), "metadata-change",
     config(position_embedding_type="absolute")),
    ("token-mapping-change", vocabulary(a=0, b=2, c=1), "vocabulary-appended", vocabulary(a=0, b=1, c=2)),
    ("token-mapping-change", vocabulary(a=0), "metadata-change", tokenizer(split_special_tokens=False)),
    ("task-change", config(id2label={"0": "no", "1": "yes", "2": "maybe"}), "documentation-change",
     card("# Model", "# A model")),
    ("task-change", card("text-generation", "fill-mask"), "metadata-change",
     card("pipeline_tag: text-generation\n", "")),
    ("base-model-change", card("org/base", "other/base"), "metadata-change", card("base_model: org/base\n", "")),
    ("base-model-change", card("org/base", "[org/base, other/second]"), "metadata-change",
     card("org/base", "[org/base]")),
    ("context-shrunk", config(max_position_embeddings=64), "context-grown", config(max_position_embeddings=256)),
    ("context-shrunk", config(sliding_window=32), "context-grown", config(rope_theta=20000.0)),
    ("context-shrunk", config(rope_scaling={"factor": 0.5, "type": "linear"}), "context-grown",
     config(rope_scaling={"factor": 4.0, "type": "linear"})),
    ("custom-code-required", config(auto_map={"AutoModel": "m.M"}), "metadata-change",
     {**FILES, "train.py": b"print(2)"}),
    ("chat-template-change", tokenizer(chat_template="{{ two }}"), "input-processing-change",
     tokenizer(padding_side="left")),
    ("special-tokens-change", tokenizer(eos_token="<end>"), "metadata-change", tokenizer(add_bos_token=None)),
    ("generation-defaults-change", {**FILES, "generation_config.json": {"temperature": 0.6}}, "metadata-change",
     {**FILES, "generation_config.json": {"temperature": 1.0, "transformers_version": "5.0"}}),
    ("lossy-precision", config(torch_dtype="bfloat16"), "metadata-change", config(torch_dtype=None, dtype="float32")),
    ("weights-replaced", {**FILES, "model.safetensors": b"two"}, "metadata-change", config(datasets="x")),
    ("main-format-removed", {**without("model.safetensors"), "model.gguf": b"x"}, "documentation-change",
     {**FILES, "notes.md": b"text"}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change", "other", "alike"), CASES)
def test_a_rule_fires_for_its_change_only(rule: str, change: Files, other: str, alike: Files) -> None:
    """The change fires the rule; what looks alike fires another one, and never the rule."""
    assert rule in rules(compare(change))
    found = rules(compare(alike))
    assert rule not in found
    assert other in found or other == "metadata-change"


@pytest.mark.parametrize(
    ("relation", "rule", "level"),
    [("narrower", "licence-narrowed", "major"), ("other", "licence-narrowed", "major"),
     ("wider", "licence-widened", "minor"), ("same", "metadata-change", "patch")],
)  # fmt: skip
def test_a_licence_has_a_direction(relation: LicenceRelation, rule: str, level: str) -> None:
    """What permits less is major, what permits more minor, another name for the same terms a patch."""
    found = compare(card("license: mit", "license: other"), relation=relation)
    assert rules(found) == {rule}
    assert found.level == level


def test_unknown_licence_terms_stay_open() -> None:
    """A licence whose terms are not known is at least a patch, and may be major."""
    found = compare(card("license: mit", "license: mine"), relation="unknown")
    assert (found.level, found.at_most) == ("patch", "major")


@pytest.mark.parametrize(
    ("kind", "rule", "level"),
    [("retrained", "weights-retrained", "minor"), ("partial", "weights-retrained", "minor"),
     ("reshaped", "tensor-shape-change", "major"), ("requantised", "lossy-precision", "minor"),
     ("reserialised", "weights-reserialised", "patch"), ("renamed", "weights-reserialised", "patch"),
     ("replaced", "weights-replaced", "minor"), ("cast", "lossy-precision", "minor")],
)  # fmt: skip
def test_each_kind_of_weight_change_has_a_level(kind: WeightsDiffKind, rule: str, level: str) -> None:
    """What was found out about the weights decides the level."""
    found = compare({**FILES, "model.safetensors": b"two"}, decided=Decided(kind, reason="not read"))
    assert rules(found) == {rule}
    assert found.level == level


def test_replaced_weights_are_open() -> None:
    """Without values it is at least minor, and with unread headers it may be major."""
    found = compare({**FILES, "model.safetensors": b"two"})
    assert (found.level, found.at_most) == ("minor", "major")
    assert any(each.pointer.file == "model.safetensors" and each.most == "major" for each in found.unjudged)


def test_nothing_changed_is_no_level_and_unread_is_not_none() -> None:
    """Equal sides have no level; a text that could not be read leaves it open, with the name of the file."""
    assert (compare(FILES).level, compare(FILES).at_most) == (None, None)
    old = side_of(FILES)
    new = side_of(
        {**FILES, "tokenizer.json": {**TOKENIZER, "version": "2"}}, unread={"tokenizer.json": "it is not here"}
    )
    found = suggest(Between(old, new, judge(old, new)))
    assert (found.level, found.at_most) == (None, "major")
    assert [each.pointer.file for each in found.unjudged] == ["tokenizer.json"]


@pytest.mark.parametrize(
    ("old", "new", "is_other"),
    [("org/base", "org/base@" + "0" * 40, False), ("gpt2", "openai-community/gpt2", False),
     ("Org/Base", "https://huggingface.co/org/base", False), ("gpt2", "openai-community/gpt2-medium", True)],
)  # fmt: skip
def test_another_spelling_of_a_base_is_not_another_base(old: str, new: str, is_other: bool) -> None:
    """A base with a commit, as an address, or with its new owner is the same one."""
    sides = [card("org/base", f"'{name}'") for name in (old, new)]
    assert ("base-model-change" in rules(compare(sides[1], sides[0]))) is is_other


def test_folders_of_the_publisher_are_not_compared_as_bases() -> None:
    """A folder in `_name_or_path` says nothing; one that an adapter names as its base leaves the level open."""
    scripts = compare(config(_name_or_path="./second"), config(_name_or_path="./first"))
    assert (rules(scripts), scripts.at_most) == ({"metadata-change"}, "patch")
    adapters: list[Files] = [
        {**FILES, "adapter_config.json": {"base_model_name_or_path": name}} for name in ("/home/me/one", "org/two")
    ]
    found = compare(adapters[1], adapters[0])
    assert (found.level, found.at_most) == ("patch", "major")
    legacy = compare(config(_name_or_path="google/mt5-small"), config(_name_or_path="t5-small"))
    assert "base-model-change" in rules(legacy)


def test_a_default_that_is_written_depends_on_the_type_of_the_model() -> None:
    """`rope_theta` is 10000 in a Llama that does not write it, and another number in a Mixtral."""
    for model_type, rule in (("llama", "metadata-change"), ("mixtral", "context-grown")):
        before, after = (config(rope_theta=theta, model_type=model_type) for theta in (None, 10000.0))
        assert rules(compare(after, before)) == {rule}


def test_the_flip_rate_decides_only_if_it_is_known() -> None:
    """A rate above the limit is major, one that could not be judged is open, and without results nothing follows."""
    old, new = side_of(FILES), side_of({**FILES, "model.safetensors": b"two"})
    between = Between(old, new, judge(old, new, decided=Decided("retrained")))
    pointer = new.pointer()
    above = suggest(between, flips=(Flips(True, pointer, "6 %", "task"),))
    unknown = suggest(between, flips=(Flips(None, pointer, "no pairs"),))
    without_results = suggest(between)
    assert above.level == "major"
    assert (unknown.level, unknown.at_most) == ("minor", "major")
    assert (without_results.level, without_results.at_most) == ("minor", "minor")
    assert [each.rule for each in without_results.unjudged] == ["flip-rate-above-limit"]


def test_a_moved_rule_has_its_new_level() -> None:
    """A project that moves a rule gets its level."""
    old, new = side_of(FILES), side_of(config(max_position_embeddings=64))
    between = Between(old, new, judge(old, new))
    assert suggest(between).level == "major"
    assert suggest(between, moved={"context-shrunk": "patch"}).level == "patch"


def test_a_file_that_was_only_written_again_is_metadata() -> None:
    """Other bytes with the same content are a patch, with the file: files differ, so the level is not none."""
    found = compare({**FILES, "generation_config.json": b'{ "temperature": 1.0 }\n'})
    assert [(each.rule, each.pointer.file, each.note) for each in found.fired] == [
        ("metadata-change", "generation_config.json", OTHER_BYTES)
    ]
    moved = compare({
        **tokenizer(chat_template=None), "chat_template.jinja": "{{ one }}",
        "tokenizer_config.json": {"eos_token": "</s>", "padding_side": "right"},
    })  # fmt: skip
    assert rules(moved) == {"metadata-change"}


def test_weights_of_another_folder_do_not_replace_the_main_ones() -> None:
    """If the main weights are gone and those of a folder are loaded instead, what loaded the model fails."""
    before: Files = {**without("model.safetensors"), "adapter_model.safetensors": b"a"}
    after: Files = {**without("model.safetensors"), "second/adapter_model.safetensors": b"b"}
    assert rules(compare(after, before)) >= {"main-format-removed"}
    renamed: Files = {**without("model.safetensors"), "other.safetensors": b"one"}
    assert "main-format-removed" not in rules(compare(renamed))


def test_code_counts_if_an_unchanged_config_names_it_and_is_open_if_that_was_not_read() -> None:
    """Which code runs is said by configs that did not change; without them another script is not only metadata."""
    code: Files = {**FILES, "tokenization_own.py": b"print(1)"}
    changed: Files = {**code, "tokenization_own.py": b"print(2)"}
    assert compare(changed, code).at_most == "patch"
    unread = [side_of(files, unread={"tokenizer_config.json": "it is not here"}) for files in (code, changed)]
    found = suggest(Between(unread[0], unread[1], judge(*unread)))
    assert (found.level, found.at_most) == ("patch", "major")
    named = {"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["tokenization_own.Own", None]}}}
    assert compare({**changed, **named}, {**code, **named}).level == "minor"
    modules = {"modules.json": '[{"type": "sentence_transformers.models.Pooling"}, {"type": "own.Module"}]'}
    assert compare({**changed, **modules}, {**code, **modules}).level == "minor"


def test_the_configs_that_may_name_code_are_read_if_code_differs() -> None:
    """A config with the same id on both sides is read where it decides whether a file of code runs."""
    code: Files = {**FILES, "tokenization_own.py": b"print(1)", "modules.json": "[]"}
    sides = [side_of(files).snapshot for files in (code, {**code, "tokenization_own.py": b"print(2)"})]
    wanted = texts_to_read(*sides)
    assert {"tokenizer_config.json", "modules.json"} <= set(wanted.before) & set(wanted.after)
    assert texts_to_read(sides[0], sides[0]).before == ()


@pytest.mark.parametrize(
    ("path", "is_open"),
    [("params.json", True), ("hyperparams.yaml", True), ("Modelfile", True), ("open_clip_config.json", True),
     ("handler.py", True), ("model.task", True), ("voices.npz", True), ("LICENSE", True), ("encoder.ggml", True),
     ("optimizer.pt", False), ("training_args.bin", False), ("trainer_state.json", False), ("train_config.json", False),
     (".gitignore", False), ("logs/run.zip", False), ("notes.md", False), ("train.py", False), ("NOTICE", False)],
)  # fmt: skip
def test_a_file_that_programs_may_load_is_open(path: str, is_open: bool) -> None:
    """Other bytes in settings of other libraries, in archives or in a licence may be more than metadata."""
    found = compare({**FILES, path: b"two"}, {**FILES, path: b"one"})
    assert (found.level, found.at_most) == ("patch", "major" if is_open else "patch")


def test_the_text_of_a_licence_is_open_unless_the_card_names_the_licence() -> None:
    """A text that is added says what the card says; without that, or if it changes, it may narrow the licence."""
    named, unnamed = compare({**FILES, "LICENSE": b"MIT"}), card("license: mit\n", "")
    assert named.at_most == "patch"
    assert compare({**unnamed, "LICENSE": b"MIT"}, unnamed).at_most == "major"
    assert compare({**FILES, "USE_POLICY.md": b"not for"}).at_most == "major"


def test_shards_without_their_index_are_gone() -> None:
    """Loaders do not find shards that no index lists, although the same files are there."""
    shards: Files = {
        **without("model.safetensors"), "model.safetensors.index.json": {"weight_map": {}},
        "model-00001-of-00002.safetensors": b"a", "model-00002-of-00002.safetensors": b"b",
    }  # fmt: skip
    lost = {path: content for path, content in shards.items() if not path.endswith("index.json")}
    assert rules(compare(lost, shards)) == {"main-format-removed"}
    assert "main-format-removed" not in rules(compare(FILES, shards))
