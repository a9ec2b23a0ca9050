"""The rules about weight changes and about the versions that announce them."""

from __future__ import annotations

from lineage.rules.rule import Rule

WEIGHT_RULES = (
    Rule(
        id="LW001",
        name="silent-weight-change",
        title="No version or note announces a change of weights",
        severity="error",
        stride="tampering",
        source=(
            "the study of 52,227 models: most changes of model files come without a version; our definition of a push"
        ),
        meaning=(
            "A push changed what a loader loads, after the first upload, and no tag, card field, name, commit message"
            " or changelog announces a version or describes the change."
        ),
        example=(
            "`main` moves from c0ffee0 to beef001, `model.safetensors` has another hash, the commit is titled “Upload"
            " model.safetensors with huggingface_hub”, and the only tag is `v1.0` on c0ffee0."
        ),
        unless=(
            "The same tensors in another container or sharding (`reserialised`), a format or variant that was added, "
            "or a change that a tag, a card version or a message of substance announces."
        ),
        fix=(
            "Compare both states (`lineage diff ORG/NAME`), pin the commit that you tested, and ask the publisher for"
            " a tag or a note. If you accept the change, start the next check behind it with --since."
        ),
        since="0.1.0",
    ),
    Rule(
        id="LW002",
        name="rewritten-history",
        title="A rewritten history lost recorded weights",
        severity="error",
        stride="repudiation",
        source="our decision: what was recorded stays (docs/concepts.md, History)",
        meaning=(
            "An earlier reading recorded weights at a commit that the branch no longer has, and no commit of the "
            "branch has these weights any more. Each such change is a finding, in the middle of the history too; an "
            "answer lists at most 10 of them and says how many more there are."
        ),
        example="The branch was force-pushed: 4f1d0c3 with its weights is on no branch, and the head holds others.",
        unless=(
            "A squash: the branch still holds the state recorded last, and before it no weights that were never "
            "recorded. A check that starts at a commit or tag of the new history, after the commit where the lost "
            "ones forked off (`--since COMMIT`); dates and `--since last` do not accept a rewrite."
        ),
        fix=(
            "Treat the model as a new one: compare the recorded weights with those of today, and keep a copy of what "
            "you use, since the Hub no longer has it."
        ),
        since="0.1.0",
    ),
    Rule(
        id="LW003",
        name="moved-tag",
        title="A tag points at another commit than at an earlier reading",
        severity="error",
        stride="tampering",
        source="our decision; git itself refuses to move a published tag without --force",
        meaning=(
            "An earlier reading recorded the tag at another commit. A pin by this tag now loads other files. The tag "
            "announces nothing at its new commit, and `--since TAG` starts at the recorded target."
        ),
        example="`v1.0` was at c0ffee0 on 2024-05-02 and is at beef001 today, with other weights.",
        unless=(
            "A tag that was moved before the first reading: nothing recorded shows it. A tag that became annotated on"
            " the same commit. A check that starts at a commit behind the tag's new one (`--since COMMIT`)."
        ),
        fix="Pin the commit instead of the tag, and ask the publisher for a new tag for the new state.",
        since="0.1.0",
        severity_note=(
            "info if both commits hold the same weights in every group, or if the tag is back where it was first "
            "recorded; an error too if their weights were not compared"
        ),
    ),
    Rule(
        id="LW004",
        name="version-removed",
        title="A tag that was recorded no longer exists",
        severity="warning",
        stride="repudiation",
        source="our decision: a recorded version stays recorded",
        meaning="An earlier reading recorded the tag; the Hub no longer has it. Its record and its commit are kept.",
        example="`v1.0` at c0ffee0 was recorded on 2024-05-02; today the repository has no tags.",
        unless=(
            "A reading that could not list all tags, such as one from a cache or an incomplete history. A tag that "
            "was made again on another commit has moved."
        ),
        fix="Pin the recorded commit (`lineage history ORG/NAME` shows it) as long as the Hub still has it.",
        since="0.1.0",
    ),
    Rule(
        id="LW005",
        name="version-reused",
        title="One version names two revisions with different weights",
        severity="error",
        stride="tampering",
        source="semantic versioning, item 3: the contents of a released version must not be modified",
        meaning=(
            "The same version is named at two revisions of a line, by a tag or newly by a version field of the card; "
            "a change that counts lies between, and the weights differ."
        ),
        example="The card says `version: 1.1` at c0ffee0 and the tag `v1.1` is at beef001, whose weights are others.",
        unless=(
            "The same version on revisions with equal weights or within one push, a card that keeps its version, a "
            "branch with the name of a version, and tags that hold more than a version (`v1.0-awq`)."
        ),
        fix=(
            "Name the commit when you refer to this version; ask the publisher to announce the later state as a new "
            "one."
        ),
        since="0.1.0",
    ),
    Rule(
        id="LW006",
        name="card-and-tag-differ",
        title="The card and the tag of a revision name different versions",
        severity="warning",
        stride=None,
        source="our decision",
        meaning=(
            "At a tagged revision the card's version field and the tag both name a version, and not the same one."
        ),
        example="The tag `v2.0` is at a commit whose card says `version: 1.1`.",
        unless=(
            "`v2` and `2.0.0`, which are one version; a tag that is not a version as a whole, or a date; a commit "
            "with another tag that names the card's version; a card without a version field, or whose text is not "
            "known: the answer notes that."
        ),
        fix="Ask the publisher which of the two is right; pin the commit.",
        since="0.1.0",
    ),
    Rule(
        id="LW007",
        name="name-reregistered",
        title="Another repository than the recorded one has this name",
        severity="error",
        stride="spoofing",
        source="our decision; known from package registries as repository or namespace hijacking",
        meaning=(
            "The date of creation differs from what was recorded for this name or, if a date is not known, the root "
            "commit and the whole history do: the repository was deleted and the name registered again, perhaps by "
            "someone else."
        ),
        example="Recorded: created 2023-02-01, root commit 1a2b3c4. Today: created 2024-11-20, root commit 9f8e7d6.",
        unless=(
            "A rename that the Hub redirects, and a history that was rewritten in a repository with the same date of "
            "creation; without dates, one in which a recorded commit remains, or a squash with the same files. A "
            "plain folder, which has no commits."
        ),
        fix="Do not load it by name. Find out who owns the name now, and compare its weights with those recorded.",
        since="0.1.0",
    ),
    Rule(
        id="LW008",
        name="conversion-unverified",
        title="A converted file that loaders take was not compared",
        severity="info",
        stride="tampering",
        source="our decision; conversions are pushed by bots and by hand, and loaders prefer safetensors",
        meaning=(
            "A push added a format that loaders take instead of the one that stays beside it, and the values of both "
            "were not compared: bytes were not read, or one of them is known by its hash only."
        ),
        example="`pytorch_model.bin` stays, `model.safetensors` is added by a bot, and only headers were read.",
        unless=(
            "A conversion whose tensors are the same, which is verified, and one whose tensors differ, which is a "
            "change of weights; files that are replaced instead of added."
        ),
        fix="Compare them with `--level full`, or load the format that you know.",
        since="0.1.0",
    ),
    Rule(
        id="LW009",
        name="understated-version",
        title="A version announces less than what changed",
        severity="warning",
        stride=None,
        source="Semantic Versioning 2.0.0; the levels are those of the rules SV (lineage rules)",
        meaning=(
            "The number of an announced version takes a smaller step from the version announced before it than the "
            "change between their revisions deserves."
        ),
        example="v1.0.1 follows v1.0.0, and all tensors have other values: that deserves 1.1.0.",
        unless=(
            "A change of which nothing more is known, steps within 0.x and between pre-releases where semver promises "
            "less, and calendar versions, which announce no level."
        ),
        fix="Read what changed before you update: `lineage suggest ORG/NAME --from OLD --to NEW`.",
        since="0.1.0",
    ),
    Rule(
        id="LW010",
        name="bump-without-change",
        title="A version announces a change, and nothing changed",
        severity="warning",
        stride=None,
        source="Semantic Versioning 2.0.0: a released version is not released again under another number",
        meaning="Two versions that were announced one after the other are at revisions between which no file differs.",
        example="v1.1 and v1.2 are tags of the same commit.",
        unless="The final version of a pre-release, the step to 1.0.0, and files that could not be compared.",
        fix="Ask the publisher whether an upload is missing.",
        since="0.1.0",
    ),
    Rule(
        id="LW011",
        name="overstated-version",
        title="A version announces more than what changed",
        severity="info",
        stride=None,
        source="Semantic Versioning 2.0.0; the levels are those of the rules SV (lineage rules)",
        meaning=(
            "The number of an announced version takes a larger step from the version announced before it than the "
            "change between their revisions can deserve."
        ),
        example="v2.0 follows v1.0, and only the card differs.",
        unless="A change of which not everything could be judged, and a step within pre-releases.",
        fix="Nothing breaks; `lineage suggest` shows which step would do.",
        since="0.1.0",
    ),
    Rule(
        id="LW012",
        name="untrue-card-block",
        title="The block of the card describes another revision",
        severity="warning",
        stride="repudiation",
        source="our decision: what a card declares is compared with what is there",
        meaning=(
            "The card has a block `lineage` whose weights digest or architecture is not that of the revision, or which "
            "does not follow its schema."
        ),
        example="The weights were replaced, and the block still has the digest of the earlier ones.",
        unless="A block without a digest, and weights whose tensors were not read.",
        fix="Ask the publisher to write the block again: `lineage suggest ./FOLDER --from ORG/NAME --write ./FOLDER`.",
        since="0.1.0",
    ),
)
