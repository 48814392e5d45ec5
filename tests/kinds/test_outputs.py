"""``job.outputs``: on both backends what takes a path takes a file of an output, and tables are read where they lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

import nbprocess
from nbprocess import backends
from nbprocess.bundle.stores import S3Store
from nbprocess.errors import StoreError
from nbprocess.outputfile import OutputFile
from nbprocess.testing.aws import ACCOUNT, REGION, emulator

from ..overlays import overlay
from .test_scripts import place

__all__ = ["place"]


def test_files_of_an_output_are_paths(place: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a path takes a file of an output, wherever it lies; what is fetched is fetched once, and anew when it changed."""
    import pandas as pd

    code = (
        "cd /opt/ml/processing/output/t; mkdir year=2025 year=2026 sub\n"
        "printf 'a\\tb\\n1\\t2\\n' > sub/x.tsv; printf 'a,b\\n1,2\\n3,4\\n' | gzip > sub/z.csv.gz; echo no > _SUCCESS.csv"
    )
    job = nbprocess.submit(code, command="sh", output=["t"], backend=place)
    assert job.wait(60)
    output = job.outputs["t"]
    assert [file.name for file in output] == ["_SUCCESS.csv", "sub/x.tsv", "sub/z.csv.gz"]
    assert pd.read_csv(output / "sub/x.tsv", sep="\t").to_dict("list") == {"a": [1], "b": [2]}
    assert output.read_csv("sub/x.tsv")["b"].tolist() == [2]
    assert output.read_csv()["a"].tolist() == [1, 1, 3], "what begins with _ is no table; .tsv and .gz are known"
    assert sum(len(part) for part in output.read_csv("sub/z.csv.gz", chunksize=1)) == 2
    assert sorted(os.listdir(output)) == ["_SUCCESS.csv", "sub"]
    assert (output / "sub/x.tsv").read_text() == "a\tb\n1\t2\n" and str(output / "sub/x.tsv").startswith("s3://")
    with (output / "sub/x.tsv").open("rb") as file:
        file.seek(4)
        assert file.read(3) == b"1\t2" and file.seek(-2, 2) == 6 and file.read() == b"2\n"

    copied = output.download(folder / "copies")
    assert sorted(path.name for path in copied.rglob("*") if path.is_file()) == ["_SUCCESS.csv", "x.tsv", "z.csv.gz"]
    store = job.backend.open_store(output.uri.rstrip("/"))
    for year in (2025, 2026):
        pd.DataFrame({"v": [year * 10]}).to_parquet(folder / "p.parquet")
        store.put(f"year={year}/part-0.parquet", folder / "p.parquet")
    frame = output.read_parquet()
    assert frame.to_dict("list") == {"v": [20250, 20260], "year": [2025, 2026]}
    assert list(output.read_parquet(columns=["v"]).columns) == ["v"]
    assert list(output.read_parquet("year=2025")["year"]) == [2025]

    here = os.fspath(output / "_SUCCESS.csv")
    written = os.stat(here).st_mtime_ns
    assert os.fspath(output / "_SUCCESS.csv") == here and os.stat(here).st_mtime_ns == written
    store.put("_SUCCESS.csv", b"other\n")
    assert Path(output / "_SUCCESS.csv").read_text() == "other\n"
    with pytest.raises(StoreError, match="is not there"):
        os.fspath(output / "none.csv")
    with pytest.raises(StoreError, match="is not fetched"):
        os.fspath(output / "../../none.csv")


def test_only_what_is_read_of_a_large_file_is_fetched() -> None:
    """A few bytes at both ends of an object in S3 are two small requests."""
    session = boto3.Session("emulator", "emulator", region_name=REGION)
    bucket = f"sagemaker-{REGION}-{ACCOUNT}"
    with emulator() as aws:
        aws.client("s3").put_object(Bucket=bucket, Key="out/big.bin", Body=b"a" * 50_000_000 + b"end")
        endpoint = aws.server.endpoint
        store = S3Store(bucket, "out", session=session, expected_owner=ACCOUNT, endpoint=endpoint)
        before = len(aws.server.requests)
        with OutputFile(store, "big.bin").open("rb") as file:
            assert file.read(3) == b"aaa"
            file.seek(-3, 2)
            assert file.read() == b"end"
        ranges = [seen.headers["range"] for seen in aws.server.requests[before:] if seen.key == "out/big.bin"]
    assert ranges == ["bytes=0-1048575", "bytes=50000000-50000002"]


def test_what_reads_s3_itself_reads_an_output_by_its_uri(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas and pyarrow with s3fs, over the same wire: text, one Parquet file, a folder of them, and writing."""
    code = (
        "import sys, pandas as pd, s3fs\n"
        "uri = sys.argv[1]\n"
        "frame = pd.read_csv(uri + 'a.csv')\n"
        "frame.to_parquet(uri + 'parts/year=2026/b.parquet')\n"
        "again = pd.read_parquet(uri + 'parts/')\n"
        "print(frame['a'].tolist(), again['b'].tolist(), [int(year) for year in again['year']],\n"
        "      [name.rpartition('/')[2] for name in s3fs.S3FileSystem().glob(uri + '*.csv')])"
    )
    with emulator() as aws:
        for name, value in aws.environment.items():
            monkeypatch.setenv(name, value)
        backends.get.cache_clear()
        script = "printf 'a,b\\n1,2\\n3,4\\n' > /opt/ml/processing/output/t/a.csv"
        job = nbprocess.submit(script, command="sh", output=["t"], backend="sagemaker")
        assert job.wait(60)
        output = job.outputs["t"]
        monkeypatch.setenv("PYTHONPATH", str(overlay(("s3fs==2026.9.0",), whole=True)))
        done = subprocess.run([sys.executable, "-c", code, output.uri], capture_output=True, text=True, timeout=120)
        assert done.stdout.strip() == "[1, 3] [2, 4] [2026, 2026] ['a.csv']", done.stderr
        assert sorted(output.list()) == ["a.csv", "parts/year=2026/b.parquet"]
    backends.get.cache_clear()


def test_tables_of_an_output(folder: Path) -> None:
    code = "printf 'a,b\\n1,2\\n' > {o}/1.csv; printf 'a,b\\n3,4\\n' > {o}/2.csv; echo x > {o}/note.txt"
    job = nbprocess.submit(code.format(o="/opt/ml/processing/output/t"), command="sh", output=["t"], backend="local")
    assert job.wait(60)
    table = job.outputs["t"]
    assert table.read_csv()["a"].tolist() == [1, 3] and table.read_csv("2.csv")["b"].tolist() == [4]
    assert list(job.outputs) == ["t"] and "t: s3://" in repr(job.outputs)
    with pytest.raises(OSError, match="has 3 files; say which"):
        table.read()
    with pytest.raises(OSError, match=r"has no nothing\.csv"):
        table.read("nothing.csv")
    with pytest.raises(KeyError, match="Its outputs: t"):
        job.outputs["u"]
