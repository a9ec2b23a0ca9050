"""Code inside other files: the cells of notebooks and the blocks of documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lineage.audit.discovery.discover import discover
from lineage_schemas.reference import Reference


def read(root: Path) -> list[Reference]:
    found = discover(root)
    assert found.unread == ()
    return list(found.references)


def notebook(*cells: tuple[str, str]) -> str:
    made = [{"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)} for kind, source in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def test_a_notebook_is_one_program_with_the_lines_of_its_file(tmp_path: Path) -> None:
    """A name of one cell is known in the next; lines and columns are those of the .ipynb file, cells count from 1."""
    text = notebook(
        ("markdown", "# Title\n"),
        ("code", 'MODEL = "acme/model"\nREVISION = "v1"\n'),
        ("code", "!hf download {MODEL} --revision {REVISION}\n%matplotlib inline\n"),
        ("code", "%%time\nAutoModel.from_pretrained(MODEL, revision=REVISION)\n"),
        ("code", "%%bash\nvllm serve acme/served\n"),
    )
    (tmp_path / "a.ipynb").write_text(text)
    first, second = read(tmp_path)
    lines = text.splitlines()
    assert (first.model, first.revision, first.cell, first.grade) == ("acme/model", "v1", 2, "likely")
    assert lines[first.line - 1][first.column - 1 :].startswith("acme/model")
    assert [place.cell for place in first.used_at] == [3, 4]
    assert (second.model, second.cell, second.grade) == ("acme/served", 5, "certain")
    assert lines[second.line - 1][second.column - 1 :].startswith("acme/served")


def test_a_source_that_is_one_string_has_the_line_of_the_string(tmp_path: Path) -> None:
    """A cell may keep its source as one string: all of its lines are on one line of the file."""
    cell = {"cell_type": "code", "source": 'x = 1\nAutoModel.from_pretrained("acme/model")'}
    text = json.dumps({"cells": [cell]})
    (tmp_path / "a.ipynb").write_text(text)
    (found,) = read(tmp_path)
    assert (found.line, text[found.column - 1 :].startswith("acme/model")) == (1, True)


def test_blocks_of_a_document_are_code_and_the_rest_is_prose(tmp_path: Path) -> None:
    """Blocks are read in their language, prompts and outputs aside; links and the front matter only mention models."""
    (tmp_path / "README.md").write_text(
        """---
base_model: acme/base
---
See [the page](https://huggingface.co/acme/page).

1. Install:

   ```console
   $ hf download acme/downloaded --revision v1
   Fetching acme/output
   ```

```python
MODEL = "acme/model"
```

```py
>>> AutoModel.from_pretrained(MODEL)
"acme/printed"
```

```js
await pipeline('x', 'acme/script');
```

```diff
+AutoModel.from_pretrained("acme/diff")
```
"""
    )
    found = {each.model: (each.line, each.grade, each.revision) for each in read(tmp_path)}
    assert found == {
        "acme/base": (2, "possible", None),
        "acme/page": (4, "possible", None),
        "acme/downloaded": (9, "certain", "v1"),
        "acme/model": (14, "likely", None),
        "acme/script": (23, "certain", None),
    }


def test_a_block_that_is_not_a_whole_program_is_read_and_not_reported(tmp_path: Path) -> None:
    """Excerpts are rarely valid; the statements around what cannot be parsed are read."""
    (tmp_path / "a.md").write_text('```python\nmodel = <your model>\nAutoModel.from_pretrained("acme/model")\n```\n')
    (tmp_path / "b.rst").write_text(
        'Use::\n\n    AutoModel.from_pretrained("acme/other")\n\n.. code-block:: sh\n\n   vllm serve acme/served\n'
    )
    assert [(each.model, each.file, each.line) for each in read(tmp_path)] == [
        ("acme/model", "a.md", 3),
        ("acme/other", "b.rst", 3),
        ("acme/served", "b.rst", 7),
    ]


def test_a_python_file_with_an_error_is_read_around_it_and_reported(tmp_path: Path) -> None:
    """What a broken statement names is not known, so the file is reported; its other statements are read."""
    (tmp_path / "a.py").write_text('print "old"\nAutoModel.from_pretrained("acme/model")\n')
    found = discover(tmp_path)
    assert [(each.model, each.line) for each in found.references] == [("acme/model", 2)]
    assert "(line 1)" in {each.file: each.reason for each in found.unread}["a.py"]


@pytest.mark.parametrize(
    ("language", "code"),
    [("bash", "vllm serve acme/model"), ("R", 'hf <- transformers$AutoModel$from_pretrained("acme/model")')],
)
def test_notebooks_in_other_languages_are_read(tmp_path: Path, language: str, code: str) -> None:
    """A kernel of a shell or of R runs code that loads models, too."""
    cells = [{"cell_type": "code", "source": code}]
    text = json.dumps({"cells": cells, "metadata": {"language_info": {"name": language}}, "nbformat": 4})
    (tmp_path / "a.ipynb").write_text(text)
    found = discover(tmp_path)
    assert [each.model for each in found.references] == ["acme/model"]
    assert found.unread == ()


def test_all_worksheets_are_read_and_cells_of_no_kind_reported(tmp_path: Path) -> None:
    """The third version of the format has lists of cells; a cell without a kind is not passed over."""
    cell = {"cell_type": "code", "input": 'AutoModel.from_pretrained("acme/model")'}
    (tmp_path / "old.ipynb").write_text(json.dumps({"worksheets": [{"cells": []}, {"cells": [cell]}]}))
    (tmp_path / "odd.ipynb").write_text(json.dumps({"cells": [{"source": cell["input"]}]}))
    (tmp_path / "half.ipynb").write_text(json.dumps({"worksheets": [{"cells": [cell]}, {}]}))
    found = discover(tmp_path)
    assert [each.file for each in found.references] == ["old.ipynb"]
    assert [each.file for each in found.unread] == ["half.ipynb", "odd.ipynb"]
