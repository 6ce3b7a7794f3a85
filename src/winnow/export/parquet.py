"""Parquet in the form of Hugging Face's `datasets`: the image's bytes and path, and a class label with its names.

Source: github.com/huggingface/datasets, `features/image.py` (`Image` is a struct of `bytes` and `path`) and `info.py`
(the features are in the schema's metadata under `huggingface`).
"""

import json
import posixpath
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.export.originals import originals
from winnow.export.writer import Job

FILE = "data/train-00000-of-00001.parquet"
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_ROW_GROUP = 100  # images are large; readers that want one read a group


def schema(class_names: Sequence[str]) -> pa.Schema:
    """Of the table, with the features as `datasets` notes them; without classes it has no labels."""
    features = {
        "image": {"_type": "Image"},
        **({"label": {"names": list(class_names), "_type": "ClassLabel"}} if class_names else {}),
        "file": {"dtype": "string", "_type": "Value"},
    }
    note = {"huggingface": json.dumps({"info": {"features": features}}, ensure_ascii=False)}
    label = [("label", pa.int64())] if class_names else []
    return pa.schema([("image", _IMAGE), *label, ("file", pa.string())], metadata=note)


def write(job: Job) -> str:
    """Write it; see `writer.Job`. Files that are dropped are not in it."""
    stays = job.staying
    positions = {name: label for label, name in enumerate(job.class_names)}
    labels = {file: positions.get(name) for file, name in zip(stays["file"], stays["new_label"], strict=True)}
    path = job.folder / FILE
    path.parent.mkdir(parents=True)
    form = schema(job.class_names)
    with pq.ParquetWriter(path, form) as writer:
        for group in _groups(originals(job.archive, stays)):
            images = [{"bytes": content, "path": posixpath.basename(file)} for file, content in group]
            files_of_it = [file for file, _ in group]
            columns = {"image": images, "label": [labels[file] for file in files_of_it], "file": files_of_it}
            writer.write_table(pa.table({name: columns[name] for name in form.names}, schema=form))
            job.report(len(group))
    return f"datasets.load_dataset({str(job.final)!r})"


def _groups(contents: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    group: list[tuple[str, bytes]] = []
    for item in contents:
        group.append(item)
        if len(group) == _ROW_GROUP:
            yield group
            group = []
    if group:
        yield group
