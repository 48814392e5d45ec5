"""What a file of a job's output shows of itself in the job browser: a table, an image, JSON or text.

May import: ``outputfile``, ``views.source``, ``views.words``, the standard library; pyarrow for a Parquet file.
"""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from .views.source import Section
from .views.words import number, size

if TYPE_CHECKING:
    from .outputfile import OutputFile

TEXT_BYTES = 64 * 1024
IMAGE_BYTES = 8 * 1024 * 1024
ROWS, COLUMNS, CELL = 100, 50, 200
IMAGES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp", ".svg": "svg+xml"}


def preview(file: OutputFile) -> Section:
    """The beginning of ``file`` as what it is. Reads no more than that.

    Raises:
        StoreError: it is not there, or cannot be read.
    """
    length = file.size
    kind = PurePosixPath(file.name).suffix.lower()
    if kind in IMAGES:
        if length > IMAGE_BYTES:
            return Section(file.name, "text", f"An image of {size(length)}: too large to be shown here.")
        data = base64.b64encode(file.read_bytes()).decode()
        return Section(file.name, "image", f"data:image/{IMAGES[kind]};base64,{data}")
    if kind in (".parquet", ".pq"):
        return _parquet(file, length)
    with file.open("rb", ahead=TEXT_BYTES) as opened:
        data = opened.read(TEXT_BYTES)
    whole = len(data) >= length
    note = "" if whole else f"The beginning; the file has {size(length)}."
    if b"\0" in data:
        return Section(file.name, "text", f"A binary file of {size(length)}.")
    text = data.decode("utf-8", "replace")
    if kind in (".csv", ".tsv"):
        return _separated(file.name, text, "\t" if kind == ".tsv" else ",", whole, note)
    if kind in (".json", ".ipynb") and whole:
        try:
            return Section(file.name, "json", json.dumps(json.loads(text), indent=1, ensure_ascii=False))
        except ValueError:  # it only says that it is JSON
            pass
    return Section(file.name, "text", text, note)


def _separated(name: str, text: str, separator: str, whole: bool, note: str) -> Section:
    complete = text if whole else text[: text.rfind("\n") + 1] or text
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(complete, newline=""), delimiter=separator):
            if len(rows) > ROWS:
                note = note or f"The first {number(ROWS)} rows."
                break
            rows.append(row)
    except csv.Error:  # a cell of more than csv's limit: it is text all the same
        return Section(name, "text", text, note)
    return Section(name, "table", _cells(rows), note)


def _parquet(file: OutputFile, length: int) -> Section:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        return Section(file.name, "text", f"A Parquet file of {size(length)}. With pyarrow its rows are shown here.")
    try:
        with file.open("rb", ahead=TEXT_BYTES) as opened:
            found = parquet.ParquetFile(opened)
            names = found.schema_arrow.names[:COLUMNS]
            batch = next(found.iter_batches(batch_size=ROWS, columns=names), None)
            rows = [list(row.values()) for row in batch.to_pylist()] if batch is not None else []
            total = found.metadata.num_rows
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        return Section(file.name, "text", f"A Parquet file of {size(length)} that cannot be read: {error}")
    note = "" if total <= len(rows) else f"The first {number(len(rows))} of {number(total)} rows."
    return Section(file.name, "table", _cells([names, *rows]), note)


def _cells(rows: list[list[Any]]) -> list[list[str]]:
    return [["" if cell is None else str(cell)[:CELL] for cell in row[:COLUMNS]] for row in rows]
