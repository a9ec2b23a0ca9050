"""The rules about the models that a product uses: how it names them, and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage.rules.rule import Rule

if TYPE_CHECKING:
    from lineage_schemas.answers.finding import Severity, Stride

OURS = "our decision (docs/concepts.md, Audit)"
TERMS = "the terms of the licences (docs/licences.md)"


def _rule(
    code: str, name: str, title: str, severity: Severity, stride: Stride | None, meaning: str, example: str,
    unless: str, fix: str, source: str = OURS, note: str | None = None,
) -> Rule:  # fmt: skip
    """Make a rule of an audit."""
    return Rule(code, name, title, severity, stride, source, meaning, example, unless, fix, "0.1.0", note)


REFERENCE_RULES = (
    _rule(
        "LA001", "unpinned-model", "A product loads a model without a revision", "warning", "tampering",
        "A place of the product loads a model and names no revision: each start loads what the default branch holds "
        "then.",
        '`AutoModel.from_pretrained("org/model")` in a service that is deployed from the same source for a year.',
        "A place that mentions the model only (grade possible), and a model of which nothing could be read: it is "
        "missing or unchecked.",
        "Name the commit: `revision=` with the 40 hex digits that the message shows.",
    ),
    _rule(
        "LA002", "moving-revision", "A product pins a model to a name that can move", "warning", "tampering",
        "The revision is a branch, a tag, or the first digits of a commit: its owner can point it at other weights.",
        '`revision="v1.0"`: a tag is moved by one command.',
        "A whole commit id of 40 hex digits, which no owner can move.",
        "Name the commit to which the revision resolves now; the message shows it.",
    ),
    _rule(
        "LA003", "weights-changed-since-pin", "The weights changed after the pinned revision", "warning", "tampering",
        "After the revision that the product names, the default branch got other weights. The product still loads the "
        "pinned ones: this is an update to look at, and silent changes are the ones to distrust.",
        "The product pins c0ffee0; since then the weights were replaced twice, once without a version or a note.",
        "Changes that do not count (other formats, renamed files), and a product that follows the branch.",
        "Read the changes (`lineage diff ORG/NAME@PIN ORG/NAME`), then move the pin or ignore the finding.",
        note="info if a version or a note announces each of the changes",
    ),
    _rule(
        "LA004", "pinned-commit-vanished", "The pinned commit is gone from the model's history", "error",
        "repudiation",
        "The Hub has no such commit on any branch any more, or never had it. The next clean machine cannot load it.",
        "The publisher squashed the history: the commit that the product pins is on no branch.",
        "A commit of a pull request that the Hub still serves.",
        "Keep a copy of the weights that you use, and pin a commit that exists after you compared the two.",
    ),
    _rule(
        "LA005", "model-missing", "A model of the product is not on the Hub", "error", "denial_of_service",
        "The Hub says that it has no model of this name, or hides it from this token.",
        "The publisher deleted the repository; a machine without a cache cannot start the product.",
        "A model that could not be asked for: that is unchecked.",
        "Correct the name, give a token that may read it, or replace the model. Anyone may register a free name.",
    ),
    _rule(
        "LA006", "model-renamed", "A model has another name now", "warning", "spoofing",
        "The Hub redirects the name in the product to another one. If someone registers the old name, the product "
        "loads their model.",
        "`old-org/model` redirects to `new-org/model` after the organisation was renamed.",
        "Old names without an owner, such as `gpt2`, which the Hub redirects itself.",
        "Write the present name, which the message shows.",
    ),
    _rule(
        "LA007", "model-gated", "Access to a model of the product is restricted", "warning", "denial_of_service",
        "The files of the model can be read only by accounts to which its publisher gives access, and this token is "
        "not one of them. Its weights and files were not checked.",
        "A model behind a form, in CI without a token.",
        "A gated model that this token may read: it was checked like any other.",
        "Accept the terms on the model's page and set HF_TOKEN.",
    ),
    _rule(
        "LA008", "ancestor-missing", "A model that it descends from is gone", "warning", "repudiation",
        "A card or a file names a parent that the Hub does not have, or hides: what it was cannot be checked.",
        "A fine-tune whose `base_model` was deleted.",
        "A parent that could not be asked for: that is unchecked.",
        "Ask the publisher what the model was made from, and under which licence.",
    ),
    _rule(
        "LA009", "ancestor-gated", "Access to a model that it descends from is restricted", "info", None,
        "The files of an ancestor cannot be read with this token, so that its weights were not compared.",
        "A quantised model of a gated base, in CI without a token.",
        "A gated ancestor that this token may read.",
        "Accept the terms on the ancestor's page and set HF_TOKEN. Its terms may hold for what was made from it.",
    ),
    _rule(
        "LA010", "parent-unverified", "A declared parent was not confirmed by the weights", "warning", "repudiation",
        "The card or a file names a parent, and the weights of the two were not compared or do not decide.",
        "A GGUF file in a packing that is not read, or a parent without weights that can be sampled.",
        "A parent that the weights confirm, one that they contradict (`declared-parent-unrelated`), and one that is "
        "gone or gated (`ancestor-missing`, `ancestor-gated`).",
        "Compare them: `lineage compare CHILD PARENT --level full`.",
    ),
)  # fmt: skip

LICENCE_RULES = (
    _rule(
        "LA011", "licence-missing", "A model declares no licence", "warning", None,
        "The card has no `license`. Without one, nothing is permitted.",
        "A model whose repository holds weights and no card.",
        "A model whose card could not be read: that is unchecked.",
        "Ask the publisher for a licence, or use another model.", TERMS,
    ),
    _rule(
        "LA012", "licence-unknown", "The terms of a licence are not known", "warning", None,
        "The declared licence is not in the table of licences, or its name and its link contradict each other.",
        "`license: other` with a name of the publisher's own.",
        "Licences of the table whose single terms are unknown.",
        "Read the licence. `[licences]` of the project file may allow it by its name.", TERMS,
    ),
    _rule(
        "LA013", "licence-non-commercial", "A licence forbids commercial use", "warning", None,
        "The licence of the model, or of a model that it descends from, does not permit commercial use, or permits it "
        "on a condition.",
        "`cc-by-nc-4.0` on the model, or on the base of its base.",
        "A choice of licences of which one permits it; a licence that the project file allows by name.",
        "Use another model, or agree with the publisher.", TERMS,
    ),
    _rule(
        "LA014", "licence-restricts-use", "A licence restricts what the model may be used for", "info", None,
        "The licence has an acceptable-use policy or a limit on the number of users.",
        "A model under `llama3.1`, or one under `openrail`.",
        "A licence that the project file allows by name.",
        "Read the policy, and pass it on where the licence asks for it.", TERMS,
    ),
    _rule(
        "LA015", "licence-denied", "The project does not allow a licence", "error", None,
        "`[licences]` of the project file denies the licence, or has a list of allowed ones without it. Ancestors "
        "count too.",
        '`deny = ["cc-by-nc-4.0"]`, and the base of a model is under it.',
        "A licence that cannot be compared with the lists because it is not declared (`licence-missing`).",
        "Use another model, or change the list in the project file.", "the project file",
    ),
    _rule(
        "LA016", "publisher-denied", "The project does not allow a publisher", "error", "spoofing",
        "`[publishers]` of the project file denies the owner of a model, or has a list of allowed ones without it.",
        '`allow = ["org"]`, and the product loads `other/model`.',
        "Owners of ancestors: only what the product itself loads counts.",
        "Use another model, or change the list in the project file.", "the project file",
    ),
    _rule(
        "LA017", "format-denied", "The project does not allow a format of weights", "error", "elevation_of_privilege",
        "`[formats]` of the project file denies the format that a loader takes, or has a list of allowed ones without "
        "it.",
        '`deny = ["pickle"]`, and the main weights are `pytorch_model.bin`.',
        "Other formats that lie beside the main one.",
        "Use a conversion of the model, or change the list.", "the project file",
    ),
)  # fmt: skip

CODE_RULES = (
    _rule(
        "LA018", "pickle-only", "The weights that are loaded can run code", "warning", "elevation_of_privilege",
        "All weights that a loader can take are pickles, or the product names a pickle itself (`filename`, "
        "`subfolder`, `variant`, `use_safetensors=False`): loading it can run any program.",
        "A repository with `pytorch_model.bin` and nothing else.",
        "Pickles beside safetensors, GGUF or another format without code, which the product does not name.",
        "Use a model with safetensors, or load with `weights_only=True`.",
    ),
    _rule(
        "LA019", "pickle-calls", "A pickle calls what no checkpoint needs", "error", "elevation_of_privilege",
        "The pickle names functions beyond those that rebuild tensors; loading it without `weights_only` calls them.",
        "`pytorch_model.bin` names `posix.system` and calls it.",
        "Pickles that only rebuild tensors, and files that hold no pickle.",
        "Do not load it. Look at the names in the message, and report the model to the Hub.",
        note="info, and unchecked, if the pickle that a loader takes was not read",
    ),
    _rule(
        "LA020", "custom-code", "Loading the model needs code of its repository", "warning", "elevation_of_privilege",
        "`auto_map` or the like in a config names Python code: with `trust_remote_code` the loader runs it. Configs of "
        "folders that the product names count, and with the flag those of all folders; so does a program that the "
        "product takes by its name. If the code is in another repository, a pin of the model does not pin the code.",
        '`"auto_map": {"AutoModel": "modeling_x.XModel"}`.',
        "A config that names classes of the library alone.",
        "Read the code at the commit that the message names, and pin it (`revision`, `code_revision`).",
        note="info if the product does not set `trust_remote_code` for it: loaders then refuse to run the code",
    ),
    _rule(
        "LA021", "remote-code-trusted", "The product runs code of a model's repository", "warning",
        "elevation_of_privilege",
        "The product sets `trust_remote_code`: code that the repository has, now or later, runs in the product.",
        '`AutoModel.from_pretrained("org/model", trust_remote_code=True)`.',
        "A model at a pinned commit that has no Python file, and whose configs were read and name no code.",
        "Remove the flag if the model has no code, else pin the commit that you have read.",
    ),
)  # fmt: skip

TRUST_RULES = (
    _rule(
        "LA022", "hub-scan-unsafe", "The Hub's scan found something in a file", "error", "tampering",
        "The scanners that the Hub runs over each repository mark a file as unsafe or suspicious.",
        "ClamAV, or the scan of pickle imports, marks `pytorch_model.bin`.",
        "A model that the Hub has not scanned: that is unknown, and listed as unchecked.",
        "Do not load the file; read the details on the model's page.", "the Hub's security status",
        note="warning for a file that is only called suspicious",
    ),
    _rule(
        "LA023", "unsigned-commit", "The commit that is used is not signed", "info", "repudiation",
        "The commit has no signature, so that its author is only who the Hub's account says.",
        "An upload through the web page or the client.",
        "Commits whose signature is not known: the API does not list them.",
        "Ask the publisher to sign commits or releases.",
    ),
    _rule(
        "LA024", "publisher-unverified", "The publisher is not verified by the Hub", "info", "spoofing",
        "The Hub marks verified organisations; this publisher is none of them.",
        "A person's account, or a new organisation.",
        "A publisher of whom that could not be asked.",
        "Find out who owns the account; `[publishers]` of the project file may list those that you trust.",
        "the Hub's overview of the publisher",
    ),
    _rule(
        "LA025", "look-alike-name", "The name looks like that of a popular model", "warning", "spoofing",
        "The id differs from that of a much used model by a character or two, or by characters that look alike.",
        "`meta-1lama/Llama-3.1-8B` instead of `meta-llama/Llama-3.1-8B`.",
        "Models of the popular model's own publisher, and other versions or sizes of it (`-7B`, `-v2`).",
        "Compare the two names character by character, and correct the one in the product.",
    ),
    _rule(
        "LA026", "signature-missing", "The model has no signature", "info", "repudiation",
        "The repository has no `model.sig`, the signature file of OpenSSF Model Signing.",
        "Almost every model today: few publishers sign theirs.",
        "A model with one, whether or not it was checked.",
        "Ask the publisher to sign the model with OpenSSF Model Signing.", "OpenSSF Model Signing",
    ),
    _rule(
        "LA027", "signature-mismatch", "The signature is for other files", "error", "tampering",
        "`model.sig` lists a file with another SHA-256 than the Hub has for it, or its signature is not valid.",
        "The weights were replaced, and the signature of the old ones stayed.",
        "Files that were added after the signature: the message of `signature-missing` does not count them.",
        "Do not load the model. Ask the publisher for a signature of the present files.",
        "OpenSSF Model Signing",
    ),
)  # fmt: skip

OTHER_RULES = (
    _rule(
        "LA031", "unresolved-reference", "A product loads a model that its source does not show", "info", None,
        "A call, flag or key that takes a model gets a value that the sources do not give: an environment variable "
        "without a default, an argument, a file that is read at the start. Which model runs is unchecked.",
        '`SentenceTransformer(os.environ["EMBEDDER"])`.',
        "A value with a default in the sources: the default is the reference.",
        "Give the value a default, or list the models under `[models]` of the project file and accept this finding "
        "with --baseline.",
    ),
)  # fmt: skip

LOCK_RULES = (
    _rule(
        "LA028", "not-locked", "A model of the product is not in the lock file", "error", "tampering",
        "With `--locked`: the product uses a model, or a revision of it, of which the lock file has no entry.",
        "A model was added to the code, and `lineage lock` was not run.",
        "Models that the lock has and the product does not use: `lineage lock --check` reports them.",
        "Run `lineage lock` and review the entry that it adds.",
    ),
    _rule(
        "LA029", "weights-changed-since-lock", "The weights are not those that were locked", "error", "tampering",
        "With `--locked`: the revision that the product asks for points at other weights than when it was locked. The "
        "product loads these from now on. Weights are those that the sources name by `variant`, `filename`, "
        "`subfolder` or a selector (`:Q8_0`), else the main ones. Or the lock has other hashes of weights than the "
        "commit that it names.",
        "`main` was at c0ffee0 when it was locked, and is at beef001 with other weights.",
        "Another commit with the same weights (`locked-model-changed`).",
        "Read the changes (`lineage diff`), test, then `lineage lock --upgrade ORG/NAME`, or pin the locked commit.",
        note="warning if a version or a note announces each of the changes",
    ),
    _rule(
        "LA030", "locked-model-changed", "A locked model changed beside its weights", "warning", None,
        "With `--locked`: the commit, the licence or a parent is not the locked one, the lock does not say what it "
        "was, or it has other files than the commit that it names. Of another commit it names the files that "
        "changed: code, configs, tokenizers, and weights that the product does not load.",
        "`modeling_x.py` changed since the lock, and the weights did not.",
        "Other weights that the product loads (`weights-changed-since-lock`).",
        "Review the change, then run `lineage lock --upgrade ORG/NAME`.",
        note="info for another commit in which only documents changed",
    ),
)  # fmt: skip

AUDIT_RULES = (*REFERENCE_RULES, *LICENCE_RULES, *CODE_RULES, *TRUST_RULES, *LOCK_RULES, *OTHER_RULES)
