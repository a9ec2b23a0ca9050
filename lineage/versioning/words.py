"""Texts of commit titles, cards and changelogs: what announces a version, what describes new weights.

docs/concepts.md describes the signals that the patterns find. They look at
sentences that people write, never at file names: those are taken out first.
"""

from __future__ import annotations

import re

from lineage.hub.bounds import MAX_VERSION_CHARACTERS
from lineage.versioning.naming.vocabulary import tools

MAX_SENTENCE = 1000
"""Characters of a title or line that are searched: announcements come early, and longer texts cost no time."""

FILE_NAME = re.compile(
    r"(?<!\w)`?(?<![\w./@+()\-])[\w./@+()\-]*\.(?:safetensors|gguf|bin|pth?|ckpt|h5|onnx|msgpack|ot|json|jsonl|md|txt|"
    r"ya?ml|py|model|spm|png|jpe?g|svg|gitattributes|ipynb|csv|parquet|pkl|npz|tflite|toml|zip|index)\b`?",
    re.IGNORECASE,
)
"""A path or file name with an ending that repositories hold; begun once a run of its letters, for linear time."""

NAMED_THING = re.compile(r"(?<![\w.])(?=[\w.]*[A-Za-z])[\w.]+(?:-[\w.]+){2,}|https?://\S+|(?<![\w.-])[\w.-]+/[\w.-]+")
"""Hyphenated names of models, URLs and repository ids: a version inside is that of another model."""

TOOL_VERSION = re.compile(
    rf"\b(?:{tools('tool')}|ggmlv\d)(?:[ _-]*(?:version|ver\.?|release))?[ =:>~_-]*v?\d[\w.]*", re.IGNORECASE
)
"""A tool with its version: it is what made the files, not the version of the model."""

VERSION = re.compile(
    r"(?<![\w.\-/])(?:v[-. ]?(\d+(?:\.\d+){0,3}(?:[-.]?(?:alpha|beta|rc|a|b|post|dev)[-.]?\d*)?)"
    r"|(?:version|release|rev(?:ision)?)[ :#=-]*v?(\d[\w.\-]*\d|\d)"
    r"|(\d+\.\d+\.\d+(?:[-.]?(?:alpha|beta|rc)[-.]?\d*)?))(?![\w/])",
    re.IGNORECASE,
)
"""`v1.1`, `v-2`, `version 2`, `release 2024.05`, `1.2.0`: a version on its own."""

BARE_VERSION = re.compile(
    r"^[\s#*>(\[-]*v?(\d+(?:\.\d+){1,3}(?:[-.]?(?:alpha|beta|rc|a|b|post|dev)[-.]?\d*)?)[\s*)\].:!-]*$",
    re.IGNORECASE,
)
"""`1.1`, or `## [1.1]`: two numbers are a version where they are the whole text, and a measurement elsewhere."""

NAME_VERSION = re.compile(r"(?:^|[-_. ])v(\d+(?:\.\d+)*)(?=$|[-_. ])", re.IGNORECASE)
"""A version inside a repository's name; docs/concepts.md explains how the study's own pattern differs."""

STUDY_NAME_VERSION = re.compile(r"[-_]v(\d+(?:\.\d+)?)$")
"""The pattern that reproduces the study's counts exactly (3,471 of 52,227 names)."""

TRAINING_TITLE = re.compile(
    r"training in progress|end of training|training (?:complete|done|finished)|^model save$|"
    r"^(?:upload |add |save |saving |push )?(?:weights and logs of |model at )?"
    r"(?:check-?point[- _]?(?:at )?(?:step[- _]?)?\d+|step[- _=:]*\d+|epoch[- _=:]*\d+(?:\.\d+)?|"
    r"iter(?:ation)?[- _=:]*\d+)\b",
    re.IGNORECASE,
)
"""Titles that trainers write by themselves during a run."""

TYPO = re.compile(
    r"\b(?:typos?|mis-?spell?(?:ed|ings?|t)|(?:fix|correct)\w* (?:the |some |minor )?(?:spelling|grammar))\b",
    re.IGNORECASE,
)
"""A commit that corrects these corrects a text. Spelling and grammar alone are the subject of some models."""

NOT_WEIGHTS = re.compile(
    r"\b(?:spelling|grammar|formatting|white ?space|indentation|read-?me|model ?cards?|docs?|documentation|"
    r"web(?:site|app)?|ui|download(?:s|er)?|install\w*|dependenc(?:y|ies)|config|"
    r"workflows?|scripts?|buttons?|notebooks?|links?|paths?|images?|figures?|badges?|licen[cs]e|citation|syntax|ci|"
    r"docker\w*|api|widget|metadata|library[ _]name|pipeline[ _]tag|tags?)\b",
    re.IGNORECASE,
)
"""Other things that commits fix and update: a sentence about these that does not name weights is not about weights."""

WEIGHTS_WORD = re.compile(r"\b(?:weights|tensors|check-?points?|re-?trained|retraining)\b", re.IGNORECASE)

_THINGS = (
    r"(?:weights?|parameters|check-?points?|tensors?|models?|adapters?|lora|embeddings?|lm_head|shards?|quants?|"
    r"gptqs?|ggufs?|layers?|conversions?|versions?|iterations?|training|results?)"
)
_FORMATS = rf"(?:{tools('precision')}|half[ -]precision|full[ -]precision)"
_FEW_WORDS = r"(?:[ :]+[\w,'+-]+){0,4}[ :]+"

CHANGE_WORDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bre-?(?:train|tun|quanti[sz]|merg|convert|generat|calibrat|finetun)(?:ed|ing|e)?\b",
        r"\b(?:more|additional|extra|further|longer|continued) (?:(?:pre-?)?training|epochs?|steps|data)\b",
        rf"\b(?:new|newer|newest|latest|final|better|improved|corrected|fixed|updated|revised|refreshed|previous|old|"
        rf"broken|wrong|bad|faulty|unreliable|deprecated|corrupt(?:ed)?|incorrect|varied|different)\b"
        rf"(?:[ :]+[\w,'+-]+){{0,3}}[ :]+{_THINGS}\b",
        r"\b(?:new|updated|better|more) (?:\w+ )?(?:weights|checkpoints?|quants?|gptqs?|ggufs?)\b",
        rf"\b(?:update[sd]?|replac(?:e|es|ed|ing)|swap(?:ped)?|change[sd]?|refresh(?:ed)?|improve[sd]?|patch(?:ed)?|"
        rf"revert(?:s|ed)?|restore[sd]?)\b{_FEW_WORDS}(?:weights?|parameters|tensors?|embeddings?|lm_head|layers?)\b",
        rf"\b(?:fix(?:es|ed|ing)?|correct(?:s|ed)?|repair(?:s|ed)?)\b{_FEW_WORDS}"
        rf"(?:{_THINGS[3:-1]}|nans?|inf|overflow|precision|quanti[sz]ation)\b",
        r"\bupdate[sd]? (?:\w+ )?for\b",
        r"\b(?:breaking change|supersede[sd]?|no longer)\b",
    )
)
"""Sentences that describe a change of the weights or the model."""

STATE_WORDS = (
    *CHANGE_WORDS,
    *(
        re.compile(pattern, re.IGNORECASE)
        for pattern in (
            r"\b(?:fine-?tuned|(?:pre-?)?trained|distilled|aligned)\b.*\b(?:on|for|with|longer|again|further|more|using)\b",
            rf"\b(?:to|in|as|into|added|adding|use|using|convert(?:ed)?|feat:) {_FORMATS}\b",
            r"\b(?:converted|casted|cast|quanti[sz]ed|merged|pruned) (?:\w+ ){0,3}(?:to|with|into|using)\b",
        )
    ),
)
"""In a commit message these describe a change too: "trained on" is about this commit; in a card it is a description."""


def without_names(text: str) -> str:
    """Take file names, tool versions, URLs and names of models out of a sentence."""
    text = text[:MAX_SENTENCE]
    for pattern in (FILE_NAME, TOOL_VERSION, NAMED_THING):
        text = pattern.sub(" ", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def announced_version(text: str) -> str | None:
    """Find the version that a title or changelog line announces, normalised without its `v`; None if none.

    Versions of tools, of files and of other models are not announcements, and neither are digits without end.
    """
    sentence = without_names(text)
    match = VERSION.search(sentence) or BARE_VERSION.match(sentence)
    if not match:
        return None
    version = next(group for group in match.groups() if group).strip(".-").lower()
    return version if len(version) <= MAX_VERSION_CHARACTERS else None


_WHOLE_VERSION = re.compile(
    r"(?P<mark>(?:(?:version|release|ver|rel)[-_ /.]?)?(?:v[-. ]?)?)(?P<numbers>\d{1,20}(?:\.\d{1,20}){0,5})"
    r"(?:[-._]?(?P<stage>alpha|beta|preview|post|pre|dev|rc)[-._]?(?P<number>\d{0,20})|(?P<short>[abc])(?P<count>\d{1,20}))?",
    re.IGNORECASE | re.ASCII,
)
"""A text that is a version and nothing else: `v1.0`, `1.0.0-rc1`, `release/2.0`."""

_STAGES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
"""Spellings of one stage before or after a release."""


def version_of(text: str, *, needs_mark: bool = True) -> str | None:
    """Read a text that is a version as a whole, in one spelling: `v1.0`, `1` and `1.0.0` are `1`; None if it is not.

    A number on its own is a version only where a field says so: as a tag it may be a step or a size, unless a `v` or
    `version` before it, or a dot in it, marks it (`needs_mark`).
    """
    match = _WHOLE_VERSION.fullmatch(text.strip())
    if match is None or (needs_mark and not match["mark"] and "." not in match["numbers"]):
        return None
    numbers = [number.lstrip("0") or "0" for number in match["numbers"].split(".")]
    while len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()
    stage = (match["stage"] or match["short"] or "").lower()
    count = (match["number"] or match["count"] or "0").lstrip("0") or "0"
    return ".".join(numbers) + (f"-{_STAGES.get(stage, stage)}{count}" if stage else "")


def is_date(version: str) -> bool:
    """Return whether a version is a date, such as `2024.5` or `20240506`: it is not comparable with a number."""
    year = version.partition(".")[0].partition("-")[0]
    return len(year) in (4, 6, 8) and year[:2] in ("19", "20")


def name_version(model_id: str) -> str | None:
    """Find the version that a repository's name carries, such as `2.1` in `org/name-v2.1`."""
    matches = NAME_VERSION.findall(model_id.rpartition("/")[2])
    return matches[-1] if matches and len(matches[-1]) <= MAX_VERSION_CHARACTERS else None


def describes_weights(text: str) -> bool:
    """Return whether a sentence describes new, retrained or fixed weights, or a new state of the model.

    Titles that only name files or actions (`Update README.md`, `Upload model`) and typo fixes do not.
    """
    sentence = without_names(text)
    return not _is_of_other_things(sentence) and any(pattern.search(sentence) for pattern in STATE_WORDS)


def describes_change(text: str) -> bool:
    """Return whether a line of a card or changelog describes a change of the weights or the model.

    Stricter than `describes_weights`: a card describes how a model was trained without announcing anything.
    """
    sentence = without_names(text)
    return not _is_of_other_things(sentence) and any(pattern.search(sentence) for pattern in CHANGE_WORDS)


def _is_of_other_things(sentence: str) -> bool:
    """Return whether a sentence is about a text's wording, or about documents and tools without naming weights."""
    if TYPO.search(sentence):
        return True
    return bool(NOT_WEIGHTS.search(sentence)) and not WEIGHTS_WORD.search(sentence)


def is_training_title(title: str) -> bool:
    """Return whether a commit title is one that a trainer writes by itself during a run."""
    return bool(TRAINING_TITLE.search(title))
