"""Write the vocabularies of names from the packages that define the terms, which are read as text.

`python -m tools.make_vocabularies FOLDER` reads wheels of transformers, huggingface_hub, gguf, langcodes and
language_data in FOLDER (`pip download --no-deps -d FOLDER …` puts them there). No package is imported or executed:
their tables are literals. Vocabularies that we wrote ourselves (`words.csv`, `tools.csv`) are not touched.
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "lineage" / "versioning" / "naming" / "vocabularies"

ALIASES = {
    "cn": "zh", "jp": "ja", "kr": "ko", "gr": "el", "ua": "uk", "cz": "cs", "dk": "da", "vn": "vi", "farsi": "fa",
    "mandarin": "zh", "cantonese": "yue", "castilian": "es", "bahasa": "id", "brazilian": "pt", "ptbr": "pt",
    "filipino": "fil", "tagalog": "fil", "flemish": "nl", "taiwanese": "zh", "cebuano": "ceb", "sinhalese": "si",
    "eus": "eu", "swiss": "gsw", "myanmar": "my", "odia": "or", "oriya": "or", "ger": "de", "fre": "fr", "dut": "nl",
    "chi": "zh", "per": "fa", "gre": "el", "rum": "ro", "cze": "cs", "slo": "sk", "ice": "is", "alb": "sq", "arm": "hy",
    "geo": "ka", "mac": "mk", "may": "ms", "wel": "cy", "bur": "my", "baq": "eu", "multilingual": "mul",
    "indo": "id", "nbo": "nb", "ng": "ng",
}  # fmt: skip
"""Country codes and other spellings that people write for a language: ours."""

FAMILIES = {
    "vicuna": "llama", "tinyllama": "llama", "tiny-llama": "llama", "open-llama": "llama", "openllama": "llama",
    "meta-llama": "llama", "deepseek": "deepseek_v3", "distilroberta": "roberta", "distilgpt2": "gpt2",
    "distilgpt": "gpt2", "gpt2": "gpt2", "gpt": "gpt2", "gpt2-medium": "gpt2", "gptj": "gptj", "gpt-j": "gptj",
    "gpt-neo": "gpt_neo", "gptneo": "gpt_neo", "gpt-neox": "gpt_neox", "pythia": "gpt_neox", "flan-t5": "t5",
    "byt5": "t5", "xlmr": "xlm-roberta", "xlm-r": "xlm-roberta", "minilm": "bert", "sbert": "bert", "mbert": "bert",
    "indobert": "bert", "scibert": "bert", "biobert": "bert", "finbert": "bert", "phobert": "roberta",
    "legal-bert": "bert", "mdeberta": "deberta-v2", "bloomz": "bloom", "opus-mt": "marian", "retnet": "retnet",
    "starcoder": "gpt_bigcode", "solar": "llama", "zephyr": "mistral", "yi": "llama", "internlm": "llama",
    "baichuan": "llama", "codegemma": "gemma", "smollm": "llama", "qwen": "qwen2", "phi": "phi", "mistralai": "mistral",
    "mixtral": "mixtral", "nous-hermes": "llama", "openchat": "mistral", "codellama": "llama", "code-llama": "llama",
    "stablelm": "stablelm", "redpajama": "gpt_neox", "dolly": "gpt_neox", "wizardlm": "llama", "alpaca": "llama",
    "protgpt2": "gpt2", "esm2": "esm", "stable-diffusion": "stable-diffusion",
}  # fmt: skip
"""Families that names write otherwise than `model_type`, or that are not one: ours, with their `model_type`."""

_WEAK = """
    align alpaca aria audio bamba bark beam bit blip bros camembert canary chameleon chatglm clip code-llama codegen
    codellama cohere convbert ctrl dac data2vec dbrx deepseek dia diffllama doge dolly donut dory dots dpt
    encoder-decoder ernie esm esm2 evolla flint funnel fuyu galactica git glm got helium idefics informer
    instructblip internlm jamba jet kolibri1 laguna layoutlm layoutlmv3 led levit lilt luke marian mask mega minilm
    mobilebert moonshine mra musicgen mvp nat nougat nous-hermes openai-gpt openchat opt owl pegasus perceiver
    persimmon phimoe pixtral plbart pop2piano radio rag recurrent-gemma rembert sam sbert seed sew solar
    speech-encoder-decoder splinter squeezebert superglue swin textnet time-series-transformer timesfm timm trocr
    univnet van vision-encoder-decoder vision-text-dual-encoder vit vits voxtral wizardlm x-clip xlstm xmod yi yoso
    zephyr
"""

WEAK = frozenset(_WEAK.split())
"""Model types that are words of their own, or that the names of other models begin with: base only beside a size or
`base`, and not as the first piece of a name otherwise."""


_AMBIGUOUS = """
    ab ae ai am an arm as at av ay ba be bh bi bm bo br bs ce ch co cr cu cv dv dz ee eo ff fj fo fy ga gd geo gn gv
    ha he ho hz ia ice id ie ig ii ik in io is it iu ka kg ki kj kl km kr ks kv kw la lb lg li ln lo lu mac may me
    mg mh mi ml ms mt my na nb nd ng nn no nr nv oc om or os pa pi ps pt qu rm rn rw sa sc sd se sg sm so ss st su
    tg ti tl tn to ts tw ty us ve vo wa wo xh yo za
"""

AMBIGUOUS = frozenset(_AMBIGUOUS.split())
"""Codes that are mostly something else in names: ours."""


class Wheels:
    """Give the text of files inside the wheels of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def text(self, package: str, path: str) -> str:
        """Return one file of a package."""
        with zipfile.ZipFile(self._wheel(package)) as wheel:
            return wheel.read(path).decode("utf-8")

    def paths(self, package: str) -> list[str]:
        """List the files of a package."""
        with zipfile.ZipFile(self._wheel(package)) as wheel:
            return wheel.namelist()

    def name(self, package: str) -> str:
        """Return `package version`, as the file's name gives it."""
        return " ".join(self._wheel(package).name.split("-")[:2])

    def _wheel(self, package: str) -> Path:
        (found,) = self._folder.glob(f"{package}-*.whl")
        return found


def architectures(wheels: Wheels) -> Iterator[str]:
    """Write `term,model_type,alone`: the keys of transformers' CONFIG_MAPPING_NAMES, and our families."""
    text = wheels.text("transformers", "transformers/models/auto/auto_mappings.py")
    table = text[text.index("CONFIG_MAPPING_NAMES") : text.index("\n)", text.index("CONFIG_MAPPING_NAMES"))]
    types = re.findall(r'\("([\w.-]+)", "\w+"\)', table)
    whole = {
        name for name in types if not re.search(r"_(text|vision|audio|encoder|decoder|qformer|config|model)", name)
    }
    terms = {name.replace("_", "-"): name for name in whole if len(name) > 2} | {"t5": "t5"} | FAMILIES
    for term, model_type in sorted(terms.items()):
        yield f"{term},{model_type},{'no' if term in WEAK else 'yes'}"


def tasks(wheels: Wheels) -> Iterator[str]:
    """Write the tasks of the Hub's inference interface, whose modules are named after them."""
    folder = "huggingface_hub/inference/_generated/types/"
    names = [path.removeprefix(folder)[:-3] for path in wheels.paths("huggingface_hub") if path.startswith(folder)]
    yield from sorted(name.replace("_", "-") for name in names if name not in ("__init__", "base"))


def quantisations(wheels: Wheels) -> Iterator[str]:
    """Write `term,kind`: the values of transformers' QuantizationMethod and gguf's types of tensors and files."""
    text = wheels.text("transformers", "transformers/utils/quantization_config.py")
    gguf = wheels.text("gguf", "gguf/constants.py")
    # Gemma names a method of quantisation by now, and in names the model.
    methods = {value for value in _members(text, "QuantizationMethod").values() if value not in ("metal", "gemma")}
    types = {name for name in _members(gguf, "GGMLQuantizationType") if not re.fullmatch(r"I\d+|F64", name)}
    types |= {name.partition("_")[2] for name in _members(gguf, "LlamaFileType") if name.startswith("MOSTLY_")}
    kinds = {name.lower(): "gguf" for name in types} | dict.fromkeys(methods, "method")
    yield from sorted(f"{name.replace('_', '-')},{kind}" for name, kind in kinds.items())


def _members(text: str, name: str) -> dict[str, str]:
    """Read the members of an enumeration from its source."""
    (found,) = (node for node in ast.parse(text).body if isinstance(node, ast.ClassDef) and node.name == name)
    assigned = [node for node in found.body if isinstance(node, ast.Assign)]
    return {ast.unparse(node.targets[0]): str(ast.literal_eval(node.value)) for node in assigned}


def languages(wheels: Wheels) -> Iterator[str]:
    """Write `term,code,kind`: names and codes of the languages with a code of two letters or data in CLDR."""
    tables = _literals(wheels.text("language_data", "language_data/name_data.py"), "CODE_TO_NAMES")
    short = {code for code in tables if len(code) == 2 and code.islower()}
    cldr = set(
        re.findall(r'^    "([a-z]{2,3})",$', wheels.text("language_data", "language_data/language_lists.py"), re.M)
    )
    long = _literals(wheels.text("langcodes", "langcodes/data_dicts.py"), "LANGUAGE_ALPHA3")
    found: dict[str, tuple[str, str]] = {}
    for code in sorted(short | cldr - {"und"}):
        name = tables.get(code, {}).get("en", "").casefold()
        if re.fullmatch(r"[a-z]{4,}", name):
            found.setdefault(name, (code, "name"))
        found.setdefault(code, (code, "code"))
        if code in long:
            found.setdefault(long[code], (code, "code"))
    for alias, code in ALIASES.items():
        found[alias] = (code, "name" if len(alias) > 3 else "code")
    for term, (code, kind) in sorted(found.items()):
        yield f"{term},{code},{'ambiguous' if term in AMBIGUOUS else kind}"


def _literals(text: str, name: str) -> dict[str, Any]:
    """Read a table that a module assigns to a name as a literal."""
    begin = re.search(rf"^{name}\b[^=]*= ", text, re.M)
    assert begin is not None
    end = text.index("\n}", begin.end())
    table: dict[str, Any] = ast.literal_eval(text[begin.end() : end] + "\n}")
    return table


VOCABULARIES = {
    "architectures.csv": (architectures, "term,model_type,alone", ("transformers",)),
    "tasks.csv": (tasks, "term", ("huggingface_hub",)),
    "quantisations.csv": (quantisations, "term,kind", ("transformers", "gguf")),
    "languages.csv": (languages, "term,code,kind", ("language_data", "langcodes")),
}
"""File to its function, the columns, and the packages whose version the file names."""


def write(wheels: Wheels, today: date) -> None:
    """Write each vocabulary with its source and date."""
    for name, (rows, columns, packages) in VOCABULARIES.items():
        source = ", ".join(map(wheels.name, packages))
        head = f"# source: {source}; our own aliases are in tools/make_vocabularies.py\n# date: {today}\n{columns}\n"
        (FOLDER / name).write_text(head + "".join(f"{row}\n" for row in rows(wheels)), "utf-8")


if __name__ == "__main__":
    write(Wheels(Path(sys.argv[1])), date.today())
