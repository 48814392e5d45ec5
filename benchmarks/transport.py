"""Data in and out, against the physical limit and against the SageMaker SDK's ``@remote``, in one run.

    python benchmarks/transport.py [--quick] [--tls] [--rounds N] [--peer PYTHON] [--json FILE]

S3 is a server on loopback in a process of its own that keeps what it gets in memory (``memory_s3.py``).
``--peer`` names a Python with sagemaker-core, whose ``@remote`` serialization is then timed on the same payloads and
the same server, in turn with ours, as it comes: over plain HTTP boto3 hashes the body once more for its signature,
over TLS it does not.
The limit is the same bytes, in the same run, by a plain copy, by a plain socket, and by a socket whose bytes are hashed
(SHA-256) meanwhile: both ends of it share this machine's cores, so with few of them, or without SHA-NI, it is far from
the socket alone, and where an aim is not met the table says how far it lets the figure come.
Figures are medians; "extra" is peak memory above the payload that is in the process already. Only ratios mean anything:
the machine's speed drifts. Before each step as much memory as it needs is touched: a hypervisor that takes back what is
free (free page reporting) gives it again at 1 GB/s or less, which would hide everything else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import linecache
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from memory_s3 import fresh  # beside this file; it puts the repository on the path

SERVER = Path(__file__).resolve().with_name("memory_s3.py")

AIMS: dict[str, tuple[str, float]] = {
    "array_put_over_remote": (">=", 4.0),
    "array_get_over_remote": (">=", 5.0),
    "array_put_over_socket_time": ("<=", 1.3),
    "array_put_extra_mb": ("<=", 64.0),
    "array_get_extra_fraction": ("<=", 0.10),
    "frame_put_over_remote": (">=", 3.5),
    "frame_get_over_remote": (">=", 6.0),
    "second_run_speedup": (">=", 15.0),
    "append_1pct_fraction": ("<=", 0.08),
    "small_objects_requests": ("<=", 20),
    "local_1gb_over_memcpy": ("<=", 1.5),
}

SINK = """
import socket, sys
size = int(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
data = memoryview(bytearray(1 << 20))
while True:
    connection, _ = listener.accept()
    rest = size
    if connection.recv(1) == b"p":
        while rest:
            rest -= connection.recv_into(data[:rest])
        connection.sendall(b"k")
    else:
        while rest:
            rest -= connection.send(data[:rest])
    connection.close()
"""

PAYLOADS = """
import numpy as np

def array(scale):
    return np.random.default_rng(0).random(int(134_217_728 * scale))

def frame(scale):
    import pandas as pd
    n, random = int(9_800_000 * scale), np.random.default_rng(1)
    return pd.DataFrame({
        "price": random.random(n), "amount": random.integers(0, 1000, n),
        "when": pd.date_range("2020", periods=n, freq="s"),
        "kind": pd.Categorical.from_codes(random.integers(0, 5, n), list("abcde")), "flag": random.random(n) > 0.5,
        "name": pd.Series(np.array(["alpha", "beta", "gamma"])[random.integers(0, 3, n)], dtype="str"),
        "ratio": random.random(n).astype("float32"), "id": np.arange(n),
    })

def dicts(scale):
    return [{"id": n, "name": f"row {n}", "value": n / 3, "tags": ["a", "b"]} for n in range(int(1_000_000 * scale))]

def model(scale):
    from sklearn.ensemble import RandomForestRegressor
    random = np.random.default_rng(2)
    forest = RandomForestRegressor(int(max(5, 60 * scale)), n_jobs=1, random_state=0)
    return forest.fit(random.random((5000, 8)), random.random(5000))

def closure(scale):
    data = frame(scale / 2)
    def use(column):
        return data[column].sum()
    return use

def small(scale):
    return {f"name_{n}": {"n": n, "text": str(n), "array": np.arange(n % 50)} for n in range(int(5000 * scale))}
"""

PEER = (
    PAYLOADS
    + """
import sys, time
import boto3
from sagemaker.core.remote_function.core import serialization
from sagemaker.core.helper.session_helper import Session
endpoint, scale = sys.argv[1], float(sys.argv[2])
session = Session(boto_session=boto3.Session(region_name="us-east-1"), default_bucket="bench")
session.s3_client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
session.s3_resource = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1")
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec
private = ec.generate_private_key(ec.SECP256R1())
public = private.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo).decode()
for line in sys.stdin:
    way, name = line.split()
    where = {"sagemaker_session": session, "s3_uri": f"s3://bench/peer/{name}"}
    if way == "make":
        values = {name: globals()[name](scale)}
    start = time.perf_counter()
    if way == "put":
        serialization.serialize_obj_to_s3(obj=values[name], **where, signing_key=private)
    elif way == "get":
        serialization.deserialize_obj_from_s3(**where, verification_key=public)
    print(time.perf_counter() - start, flush=True)
"""
)


def environment() -> dict[str, str]:
    """AWS settings that reach nothing but the loopback server."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and not k.lower().endswith("_proxy")}
    keys = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
    return {**clean, **keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


Child = subprocess.Popen[str]


@contextlib.contextmanager
def child(*arguments: str, python: str = sys.executable, ca: Path | None = None) -> Iterator[Child]:
    """A helper process that reads lines and answers each with a line. ``ca``: certificates that it trusts."""
    command = [python, *arguments]
    variables = {**environment(), **({"AWS_CA_BUNDLE": str(ca)} if ca else {})}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ask(process: subprocess.Popen[str], line: str = "") -> str:
    """Its answer to one line."""
    assert process.stdin and process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def peak_above(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, seconds, and peak memory in MB above what the process had before."""

    def status(field: str) -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field))

    measurable = os.access("/proc/self/clear_refs", os.W_OK)
    if measurable:
        Path("/proc/self/clear_refs").write_text("5")  # reset the high-water mark (proc(5))
        before = status("VmRSS")
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    return result, seconds, status("VmHWM") - before if measurable else float("nan")


CHUNK = 4 << 20


def back_memory(size: int) -> None:
    """Touch that many bytes of free memory, so that the hypervisor has given them before anything is measured."""
    if not os.path.exists("/proc/meminfo"):
        return  # a Mac: no hypervisor in between
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    view, zeros = fresh(max(CHUNK, min(size, free // 2))), bytes(CHUNK)
    for start in range(0, len(view) - CHUNK + 1, CHUNK):
        view[start : start + CHUNK] = zeros


def over_socket(port: int, data: memoryview, way: str) -> float:
    """Seconds that the same bytes take through a plain socket, ``p``ut or ``g``et."""
    target = memoryview(bytearray(len(data))) if way == "g" else data
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(way.encode())
        if way == "p":
            connection.sendall(data)
            connection.recv(1)
        else:
            receive(connection, target)
    return time.perf_counter() - start


def receive(connection: socket.socket, target: memoryview) -> None:
    """Fill ``target``."""
    while target:
        target = target[connection.recv_into(target) :]


def hashed(piece: memoryview) -> memoryview:
    """The piece, when it has been hashed."""
    hashlib.sha256(piece).digest()
    return piece


def over_socket_hashed(port: int, data: memoryview, way: str) -> float:
    """As ``over_socket``, hashing in parallel: before a piece is sent, after it came (into memory of its own)."""
    back_memory(len(data))
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as connection, ThreadPoolExecutor(os.cpu_count()) as pool:
        connection.sendall(way.encode())
        target = data if way == "p" else fresh(len(data))
        pieces = [target[at : at + CHUNK] for at in range(0, len(target), CHUNK)]
        if way == "p":
            for piece in pool.map(hashed, pieces):
                connection.sendall(piece)
            connection.recv(1)
        else:
            for piece in pieces:
                receive(connection, piece)
                pool.submit(hashed, piece)
    return time.perf_counter() - start


class Run:
    """One run: the server, the stores, the rounds."""

    def __init__(self, folder: Path, endpoint: str, server: subprocess.Popen[str], rounds: int, scale: float) -> None:
        self.folder, self.endpoint, self.server, self.rounds, self.scale = folder, endpoint, server, rounds, scale
        self.figures: dict[str, float] = {}
        self._stores = 0

    def store(self, kind: str) -> Any:
        """A new empty store, its connection open."""
        from nbprocess.bundle.stores import DirectoryStore, S3Store

        self._stores += 1
        if kind == "local":
            return DirectoryStore(self.folder / f"local{self._stores}", f"s3://local{self._stores}")
        store = S3Store("bench", f"p{self._stores}", expected_owner="123456789012", endpoint=self.endpoint)
        store.exists("x")
        return store

    def drop(self, store: Any) -> None:
        """Give its memory back."""
        place = store.uri.removeprefix("s3://")
        shutil.rmtree(self.folder / place, ignore_errors=True)
        shutil.rmtree(self.folder / "s3" / place, ignore_errors=True)
        ask(self.server)

    def put(self, store: Any, value: Any) -> tuple[Any, Any]:
        """What a cell's submission does with its values."""
        from nbprocess.bundle.blobs import BlobWriter
        from nbprocess.plan import Pending
        from nbprocess.worker import wire

        pending = Pending()
        dumped = wire.dump({"value": value}, put=pending.put)
        if dumped.failed:
            raise SystemExit(f"the payload cannot be sent: {dumped.failed}")
        with BlobWriter(store) as writer:
            pending.write(writer)
        return dumped, writer

    def get(self, store: Any, dumped: Any) -> Any:
        """What loading results does."""
        from nbprocess.bundle.blobs import BlobReader
        from nbprocess.worker import wire

        reader = BlobReader(store)
        reader.prefetch(blob for group in dumped.groups for blob in (group.stream, *group.buffers))
        return wire.load(dumped.groups, get=reader.get, namespace={}).values["value"]

    def measure(self, name: str, value: Any, kind: str, between: Callable[[], None] = lambda: None) -> None:
        """Time put, put again, get of one payload; the medians go to the figures as ``<name>_<kind>_…``."""
        from nbprocess.bundle.known import forget_recognised

        rows: list[dict[str, float]] = []
        size = int((1 << 30) * self.scale)
        for _ in range(1 + self.rounds):  # the first is not counted: the server finds its memory
            forget_recognised()
            store = self.store(kind)
            if kind == "s3":
                ask(self.server)
            back_memory(2 * size)
            (dumped, writer), put, put_extra = peak_above(lambda store=store: self.put(store, value))
            row = {"put_s": put, "put_extra_mb": put_extra, "bytes": writer.new_bytes}
            if kind == "s3":
                row["requests"] = float(ask(self.server))
            (_, again), row["again_s"], _ = peak_above(lambda store=store: self.put(store, value))
            row["again_bytes"] = again.new_bytes
            size = writer.total_bytes
            back_memory(2 * size)
            result, row["get_s"], get_peak = peak_above(lambda s=store, d=dumped: self.get(s, d))
            row["get_extra_mb"] = get_peak - writer.total_bytes / 2**20
            del result
            self.drop(store)
            rows.append(row)
            between()
        for column in rows[0]:
            self.figures[f"{name}_{kind}_{column}"] = statistics.median(row[column] for row in rows[1:])

    def share_sent_again(self, value: Any, changed: Any) -> float:
        """Share of the bytes that are sent when ``changed`` follows ``value``."""
        store = self.store("local")
        _, first = self.put(store, value)
        _, second = self.put(store, changed)
        self.drop(store)
        return float(second.new_bytes / first.new_bytes)


def with_peer(run: Run, name: str, peer: subprocess.Popen[str] | None) -> Callable[[], None]:
    """Between our rounds, one of the peer's."""
    seconds: dict[str, list[float]] = {"make": [], "put": [], "get": []}

    def between() -> None:
        if peer is None:
            return
        for way, rows in seconds.items():
            if way == "make" and rows:
                continue
            back_memory(int((1 << 30) * run.scale * 2.5))
            answer = ask(peer, f"{way} {name}")
            if not answer:
                raise SystemExit(f"the peer failed at {name}")
            rows.append(float(answer))
            run.figures[f"{name}_remote_{way}_s"] = statistics.median(rows[1:] or rows)

    return between


def limits(run: Run, data: memoryview) -> None:
    """The same bytes by a plain socket, one with hashing meanwhile, a plain copy, and SHA-256 over all cores."""
    names = ("socket_put_s", "socket_get_s", "hashed_socket_put_s", "hashed_socket_get_s", "memcpy_s", "sha256_s")
    rows: dict[str, list[float]] = {name: [] for name in names}
    target = memoryview(bytearray(len(data)))
    with child("-c", SINK, str(len(data))) as sink:
        assert sink.stdout
        port = int(sink.stdout.readline())
        for _ in range(run.rounds):
            rows["socket_put_s"].append(over_socket(port, data, "p"))
            rows["socket_get_s"].append(over_socket(port, data, "g"))
            rows["hashed_socket_put_s"].append(over_socket_hashed(port, data, "p"))
            rows["hashed_socket_get_s"].append(over_socket_hashed(port, data, "g"))
            rows["memcpy_s"].append(peak_above(lambda: target.__setitem__(slice(None), data))[1])
            pieces = [data[n : n + CHUNK] for n in range(0, len(data), CHUNK)]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                hashing = peak_above(lambda pool=pool, p=pieces: list(pool.map(hashed, p)))
            rows["sha256_s"].append(hashing[1])
    run.figures |= {name: statistics.median(values) for name, values in rows.items()}
    run.figures["sha256_gb_s"] = len(data) / 1e9 / run.figures["sha256_s"]


def ratios(figures: dict[str, float]) -> dict[str, float]:
    """The figures that the aims are about."""
    f, found = figures, {}
    for name in ("array", "frame"):
        for way in ("put", "get"):
            if f"{name}_remote_{way}_s" in f and f"{name}_s3_{way}_s" in f:
                found[f"{name}_{way}_over_remote"] = f[f"{name}_remote_{way}_s"] / f[f"{name}_s3_{way}_s"]
    if "array_s3_put_s" in f:
        found["array_put_over_socket_time"] = f["array_s3_put_s"] / f["socket_put_s"]
        found["array_put_over_hashed_socket_time"] = f["array_s3_put_s"] / f["hashed_socket_put_s"]
        found["array_put_extra_mb"] = f["array_s3_put_extra_mb"]
        found["array_get_extra_fraction"] = f["array_s3_get_extra_mb"] * 2**20 / f["array_s3_bytes"]
        found["second_run_speedup"] = f["array_s3_put_s"] / f["array_s3_again_s"]
        found["array_get_over_hashed_socket_time"] = f["array_s3_get_s"] / f["hashed_socket_get_s"]
        limit = f["memcpy_s"] + f["sha256_s"]
        found["local_1gb_over_memcpy"] = (f["array_local_put_s"] + f["array_local_get_s"]) / (2 * limit)
    if "small_s3_requests" in f:
        found["small_objects_requests"] = f["small_s3_requests"]
    return found


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bytes, two rounds")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--tls", action="store_true", help="S3 over TLS")
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has sagemaker-core, numpy and pandas")
    parser.add_argument("--only", default="array,frame,closure,dicts,model,small", help="payloads, with commas")
    parser.add_argument("--json", metavar="FILE", help="write all figures as one flat object")
    options = parser.parse_args()
    scale, rounds = (0.1, options.rounds or 2) if options.quick else (1.0, options.rounds or 3)
    os.environ.clear()
    os.environ.update(environment())
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    # As a notebook's cell: functions of __main__ whose source is known.
    linecache.cache["<payloads>"] = (len(PAYLOADS), None, PAYLOADS.splitlines(keepends=True), "<payloads>")
    space: dict[str, Any] = vars(sys.modules["__main__"])
    exec(compile(PAYLOADS, "<payloads>", "exec"), space)
    names = options.only.split(",")
    try:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(child(str(SERVER), str(folder), *(["tls"] if options.tls else [])))
            assert server.stdout
            endpoint = server.stdout.readline().strip()
            ca = folder / "cert.pem" if options.tls else None
            if ca:
                os.environ["AWS_CA_BUNDLE"] = str(ca)
            peer = None
            if options.peer:
                peer = stack.enter_context(child("-c", PEER, endpoint, str(scale), python=options.peer, ca=ca))
            run = Run(folder, endpoint, server, rounds, scale)
            for name in names:
                value = space[name](scale)
                if name == "array":
                    limits(run, memoryview(value).cast("B"))
                run.measure(name, value, "s3", with_peer(run, name, peer))
                run.measure(name, value, "local")
                if name == "frame" and scale == 1.0:  # with few chunks a column, the shares say nothing
                    more = value.iloc[: len(value) // 100].copy()
                    import pandas

                    appended = pandas.concat([value, more], ignore_index=True)
                    run.figures["append_1pct_fraction"] = run.share_sent_again(value, appended)
                    run.figures["column_added_fraction"] = run.share_sent_again(
                        value, value.assign(new=value["price"] * 2)
                    )
                del value
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = {**run.figures, **ratios(run.figures)}
    report(names, figures, options.tls)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=1) + "\n")


def report(names: list[str], figures: dict[str, float], tls: bool) -> None:
    """Print what was measured."""
    columns = ("put_s", "put_extra_mb", "again_s", "get_s", "get_extra_mb", "requests")
    print(f"{'payload':<18}{'MB':>8}" + "".join(f"{column:>14}" for column in columns))
    for name in names:
        for kind in ("s3", "local"):
            megabytes = figures[f"{name}_{kind}_bytes"] / 2**20
            cells = [figures.get(f"{name}_{kind}_{column}") for column in columns]
            row = "".join(f"{'' if cell is None else format(cell, '.3f'):>14}" for cell in cells)
            print(f"{name + ' ' + kind + (' TLS' if tls and kind == 's3' else ''):<18}{megabytes:>8.0f}{row}")
        if f"{name}_remote_put_s" in figures:
            put, get = figures[f"{name}_remote_put_s"], figures[f"{name}_remote_get_s"]
            print(f"{name + ' @remote':<18}{'':>8}{put:>14.3f}{'':>28}{get:>14.3f}")
    print()
    for name in (
        *("socket_put_s", "socket_get_s", "hashed_socket_put_s", "hashed_socket_get_s", "memcpy_s", "sha256_s"),
        *("sha256_gb_s", "array_put_over_hashed_socket_time", "array_get_over_hashed_socket_time"),
        "column_added_fraction",
    ):
        if name in figures:
            print(f"{name:<34}{figures[name]:>10.3f}")
    print()
    for name, (word, aim) in AIMS.items():
        if name not in figures:
            print(f"{name:<34}{'-':>10}   aim {word} {aim:<6} not measured")
            continue
        met = figures[name] >= aim if word == ">=" else figures[name] <= aim
        why = "" if met else bound(name, figures)
        print(f"{name:<34}{figures[name]:>10.3f}   aim {word} {aim:<6} {'met' if met else 'NOT MET'}{why}")


def bound(name: str, figures: dict[str, float]) -> str:
    """How far the same bytes over a plain socket, hashed meanwhile and nothing else, would let this figure come."""
    payload, _, rest = name.partition("_")
    way = rest.partition("_")[0]
    size = figures.get(f"{payload}_s3_bytes")
    if size is None or "socket_put_s" not in figures or rest not in _BOUNDED:
        return ""
    seconds = figures[f"hashed_socket_{way}_s"] * size / figures["array_s3_bytes"]
    best = (
        seconds / figures["socket_put_s"]
        if rest == "put_over_socket_time"
        else figures[f"{payload}_remote_{way}_s"] / seconds
    )
    return f": a socket that is hashed meanwhile takes {seconds:.2f} s here, which alone bounds it at {best:.2f}"


_BOUNDED = ("put_over_remote", "get_over_remote", "put_over_socket_time")


if __name__ == "__main__":
    main()
