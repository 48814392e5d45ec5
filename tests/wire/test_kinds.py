"""Every kind of array and frame arrives with its dtype, order, index and flags, and may be written to."""

from __future__ import annotations

import datetime
import sys
import types
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbprocess.worker import wire

from .conftest import Ends
from .ends import Store

N = 5
DAYS = pd.date_range("2020", periods=N, freq="D")


def read_only(array: Any) -> Any:
    array.setflags(write=False)
    return array


def arrays() -> dict[str, Any]:
    big = np.arange(40000.0).reshape(200, 200)
    records = np.zeros(30000, [("a", "i4"), ("b", "f8", (2,))])
    objects = np.array([[1, "a"], [None, [2]]], object)
    spans = np.arange(20000).astype("m8[ms]").reshape(100, 200)
    return {
        "fortran": np.asfortranarray(big),
        "part": big[::2, 5:],
        "turned": np.arange(60000).reshape(30, 40, 50).transpose(2, 0, 1),
        "records with objects": np.zeros(3, [("a", "i4"), ("b", "O")]),
        "records": records,
        "record": records[0],
        "objects": objects,
        "objects, fortran": np.asfortranarray(objects),
        "spans": spans,
        "spans, fortran": np.asfortranarray(spans),
        "0-d object": np.array({"a": 1}, object),
        "0-d date": np.array("2020-01-01", "M8[D]"),
        "big-endian": np.arange(40000, dtype=">i4"),
        "order asked for": np.zeros(3, np.dtype("f8").newbyteorder("<")),
        "bytes": np.zeros(200000, "V3"),
        "no fields": np.zeros(3, []),
        "broadcast": np.broadcast_to(np.arange(3.0), (50000, 3)).copy(),
        "read-only": read_only(np.arange(50000)),
        "read-only, small": read_only(np.arange(5)),
        "masked": np.ma.masked_array([1, 2, 3], [0, 1, 0]),
        "matrix": np.matrix([[1, 2]]),
        "long double": np.ones(3, np.longdouble),
        "not a time": np.datetime64("NaT"),
        "string scalar": np.str_("q"),
    }


@pytest.mark.parametrize("name", arrays())
def test_arrays_of_every_kind(ends: Ends, name: str) -> None:
    value = arrays()[name]
    found = ends.send(value=value)["value"]
    assert type(found) is type(value)
    assert (found.dtype, repr(found.dtype), found.shape) == (value.dtype, repr(value.dtype), value.shape)
    np.testing.assert_array_equal(found, value)
    if isinstance(value, np.ndarray):
        assert found.flags.writeable == value.flags.writeable
        if value.flags.f_contiguous:
            assert found.flags.f_contiguous
    ends.begin()
    assert not wire.changes(ends.snapshot).patches, "reading back is no change"


def frames() -> dict[str, Any]:
    numbers = np.random.default_rng(0).random((30000, 3))
    many = pd.MultiIndex.from_product([["a", "b"], DAYS[:2]], names=["k", "d"])
    attributes = pd.DataFrame({"a": range(N)})
    attributes.attrs["q"] = {"z": [1]}
    text = ["a", None, "ü", "", "x"]
    found: dict[str, Any] = {
        "one block": pd.DataFrame(numbers),
        "one block, columns in memory": pd.DataFrame(np.asfortranarray(numbers), columns=list("abc")),
        "dates": pd.DataFrame({"a": DAYS, "b": DAYS}),
        "month starts": pd.Series(range(N), index=pd.date_range("2020", periods=N, freq="MS")),
        "zoned index": pd.Series(range(N), index=DAYS.tz_localize("Europe/Paris")),
        "fixed zone": pd.Series(DAYS.tz_localize(datetime.timezone(datetime.timedelta(hours=3)))),
        "seconds": pd.Series(DAYS.as_unit("s")),
        "categories of numbers": pd.Series(pd.Categorical([1, 2, None])),
        "ordered days": pd.Series(pd.Categorical(DAYS, ordered=True)),
        "category index": pd.DataFrame({"a": [1, 2]}, index=pd.CategoricalIndex(["x", "y"], name="q")),
        "python text": pd.Series(text, dtype="string[python]"),
        "arrow text": pd.Series(text, dtype="string[pyarrow]"),
        "text as objects": pd.Series(text, dtype=object),
        "frame of text as objects": pd.DataFrame({"a": pd.Series(text, dtype=object), "b": 1}),
        "lone surrogate": pd.Series(["\ud800"], dtype=object),
        "arrow numbers": pd.Series([1, None], dtype="int64[pyarrow]"),
        "arrow lists": pd.Series([[1], [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        "periods": pd.DataFrame({"p": pd.period_range("2020", periods=N, freq="M")}),
        "quarters": pd.Series(1, index=pd.period_range("2020", periods=N, freq="Q")),
        "intervals": pd.Series(pd.cut(np.arange(10), 3)),
        "interval index": pd.Series([1, 2, 3], index=pd.interval_range(0, 3)),
        "sparse": pd.DataFrame({"n": [1, 2, 3], "s": pd.arrays.SparseArray([0, 0, 1])}),
        "nested": pd.DataFrame({"o": [[1], {"a": 2}, None, "x", pd.NaT]}),
        "columns of two levels": pd.DataFrame(
            numbers[:2, :2], columns=pd.MultiIndex.from_product([["a"], ["x", "y"]], names=["0", "1"])
        ),
        "unused levels": pd.DataFrame({"v": range(4)}, index=many).iloc[:2],
        "missing in levels": pd.Series([1, 2], index=pd.MultiIndex.from_tuples([("a", 1), ("b", None)])),
        "typed but empty": pd.DataFrame({"a": pd.Series([], dtype="int8"), "b": pd.Series([], dtype="str")}),
        "rows only": pd.DataFrame(index=range(3)),
        "named columns": pd.DataFrame({"a": [1]}).rename_axis(columns="cc"),
        "numbers as columns": pd.DataFrame({0: [1, 2], 5: [2, 3]}),
        "mixed index": pd.Series([1, 2], index=[("a", 1), "b"]),
        "small index": pd.Series([1, 2], index=pd.Index([1, 2], dtype="int8")),
        "nullable index": pd.Series([1, 2], index=pd.Index([1, 2], dtype="Int64")),
        "spans as index": pd.Series(range(3), index=pd.timedelta_range("1h", periods=3, freq="h")),
        "attributes": attributes,
        "no duplicates": pd.DataFrame({"a": [1, 2]}).set_flags(allows_duplicate_labels=False),
        "a tuple as name": pd.Series([1], name=("a", 1)),
    }
    for dtype in ("Int8", "UInt64", "Float32", "boolean"):
        found[dtype] = pd.Series([1, 0, None, 1, 1], dtype=dtype)
    return found


@pytest.mark.parametrize("name", frames())
def test_frames_of_every_kind(ends: Ends, name: str) -> None:
    value = frames()[name]
    found = ends.send(value=value)["value"]
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(found, value, check_freq=True)
    else:
        pd.testing.assert_series_equal(found, value, check_freq=True)
    assert type(found.index) is type(value.index) and found.index.dtype == value.index.dtype
    assert (found.attrs, found.flags) == (value.attrs, value.flags)
    ends.begin()
    assert not wire.changes(ends.snapshot).patches, "reading back is no change"
    if value.size and name not in ("sparse", "arrow lists"):
        found.iloc[0] = found.iloc[-1]  # what arrives can be written to


def test_models_tables_and_sparse_matrices(ends: Ends) -> None:
    import polars
    from scipy import sparse
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(np.arange(10.0).reshape(-1, 1), np.arange(10.0))
    sent = ends.send(
        model=model,
        sheet=polars.DataFrame({"a": [1, None], "b": ["x", "y"]}),
        table=pa.table({"a": [1, 2]}),
        eye=sparse.eye(4).tocsr(),
    )
    assert sent["model"].predict([[3.0]])[0] == pytest.approx(3.0)
    assert sent["sheet"].rows() == [(1, "x"), (None, "y")]
    assert sent["table"].to_pydict() == {"a": [1, 2]}
    assert sent["eye"].sum() == 4
    needs = {module for group in ends.dumped.groups for module in group.needs}
    assert {"sklearn", "polars", "pyarrow", "scipy"} <= needs


def polars_columns() -> dict[str, Any]:
    import polars as pl

    days = pl.Series([datetime.datetime(2024, 1, 1), None]).cast(pl.Datetime("ms", "Europe/Berlin"))
    return {
        **{"numbers": [1.5, -2.0], "missing": [1, None], "text": ["ü", None], "flags": [True, False], "days": days},
        "dates": [datetime.date(2024, 1, 1), datetime.date(2025, 1, 1)],
        "spans": pl.Series([1, 2]).cast(pl.Duration("ms")),
        "category": pl.Series(["b", "a"]).cast(pl.Categorical),
        "choice": pl.Series(["x", "y"]).cast(pl.Enum(["y", "x"])),
        "exact": pl.Series(["1.20", "3.40"]).cast(pl.Decimal(10, 2)),
        **{"nested": [[1], [2, 3]], "record": [{"q": 1}, {"q": None}], "nothing": [None, None]},
        "pairs": pl.Series([[1.0, 2.0], [3.0, 4.0]], dtype=pl.Array(pl.Float64, 2)),
        "small": pl.Series([1, 2], dtype=pl.UInt8),
    }


def test_columns_of_polars_are_exact_and_their_own(ends: Ends) -> None:
    import polars as pl

    sheet = pl.DataFrame(polars_columns())
    things, ordered = pl.Series("o", [{1}, [2]], dtype=pl.Object), pl.Series("s", range(9)).set_sorted()
    pieces = pl.concat([sheet, sheet], rechunk=False)
    sent = ends.send(sheet=sheet, things=things, ordered=ordered, pieces=pieces, none=pl.DataFrame())
    assert sent["sheet"].equals(sheet) and sent["sheet"].schema == sheet.schema
    assert sent["pieces"].equals(pieces) and sent["none"].shape == (0, 0)
    assert sent["things"].to_list() == [{1}, [2]] and sent["ordered"].flags["SORTED_ASC"]


def test_what_a_cell_changes_in_a_frame_of_polars_is_changed_here(ends: Ends) -> None:
    import polars as pl

    sheet, column, same = pl.DataFrame({"a": [1, 2]}), pl.Series("q", [1.0, 2.0]), pl.DataFrame({"a": ["x"]})
    far = ends.send(sheet=sheet, column=column, same=same)
    ends.begin()
    far["sheet"][0, "a"] = 7
    far["sheet"].insert_column(1, pl.Series("n", ["x", None]))
    far["column"][1] = 9.0
    ends.back()
    assert ends.changed == ["sheet", "column"] and not ends.applied.rebind
    assert sheet.rows() == [(7, "x"), (2, None)] and column.to_list() == [1.0, 9.0]


def test_a_new_column_and_a_slice_send_what_is_theirs() -> None:
    import polars as pl

    def sent(value: Any) -> list[bytes]:
        store = Store()
        wire.dump({"value": value}, put=store.put)
        return list(map(bytes, store.raw))

    sheet = pl.DataFrame({"a": np.arange(200_000.0), "b": [str(n) for n in range(200_000)]})
    before = set(sent(sheet))
    new = [part for part in sent(sheet.with_columns(c=sheet["a"] * 2)) if part not in before]
    assert sum(map(len, new)) < 8 * 200_000 + 20_000
    table = pa.table({"x": np.arange(200_000.0), "t": [f"row {n}" for n in range(200_000)]})
    arrow = pd.Series(table["x"].to_pandas(), dtype="float64[pyarrow]")
    for part in (table.slice(1000, 50), table["x"].slice(9, 9), arrow.iloc[5:90], table.to_batches()[0].slice(1, 2)):
        assert sum(map(len, sent(part))) < 20_000


def test_views_of_arrays_of_objects_share_their_memory_where_all_of_it_can_be_sent(ends: Ends) -> None:
    boxes = np.array([[1, 2], [3, 4]], object)
    ends.home.update(boxes=boxes, line=boxes[1, ::-1])
    far = ends.send("boxes", "line")
    ends.begin()
    far["line"][0] = "x"
    assert far["boxes"].tolist() == [[1, 2], [3, "x"]]
    back = ends.back(column=far["boxes"][:, 1:])
    boxes[0, 1] = []
    assert back["column"].tolist() == [[[]], ["x"]]
    held = np.array([(item for item in "ab"), 1, 2], object)
    ends.home.update(one=held[1:], two=held[2:])
    assert not ends.dump("one", "two").failed, "nobody asked for the generator in front of them"


def test_random_generators_share_their_bits_and_spawn_on(ends: Ends) -> None:
    bits = np.random.PCG64(4)
    one, two = np.random.Generator(bits), np.random.Generator(bits)
    sent = ends.send(pair=[one, two])["pair"]
    assert sent[0].bit_generator is sent[1].bit_generator
    assert sent[0].spawn(1)[0].random() == one.spawn(1)[0].random()
    assert [g.random() for g in sent] == [one.random(), two.random()]


def test_the_global_generator_stays_the_global_one(ends: Ends) -> None:
    assert ends.send(g=[np.random.mtrand._rand])["g"][0] is np.random.mtrand._rand


def test_a_frame_of_one_block_is_not_copied(ends: Ends) -> None:
    block = np.arange(300_000.0).reshape(100_000, 3)
    frame = pd.DataFrame(block, copy=False)
    seen: list[Any] = []

    def put(buffer: Any) -> dict[str, Any]:
        seen.append(buffer)
        return {"size": len(bytes(buffer)), "chunks": []}

    wire.dump({"frame": frame}, put=put)
    large = [b for b in seen if memoryview(b).nbytes == block.nbytes]
    assert len(large) == 1 and np.shares_memory(np.frombuffer(large[0], np.uint8), block)


def test_two_thousand_names_that_share_and_their_owners(ends: Ends) -> None:
    shared = [0]
    ends.send(**{f"n{i}": [shared, i] for i in range(2000)})
    assert len(ends.dumped.groups) == 1
    assert ends.dumped.memo.owners == ends.loaded.memo.owners
    numbers = {id(obj): number for number, obj in enumerate(ends.loaded.memo.objects)}
    assert ends.loaded.memo.owner(numbers[id(ends.far["n1500"])]) == "n1500"


def test_nesting_too_deep_is_named(ends: Ends) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    dumped = ends.dump(deep=deep, good=1)
    assert "nested too deep" in str(dumped.failed["deep"]) and dumped.groups[0].names == ["good"]
    while deep:  # freed step by step: the collector's own recursion has limits
        deep = deep.pop()


class NumbasDispatcher:
    """A fake of what ``numba.njit`` makes: it reduces itself to bytecode, and says its states to a subclass of pickle."""

    def __init__(self, py_func: Any) -> None:
        self.py_func = py_func

    def _reduce_states(self) -> dict[str, Any]:
        return {"py_func": self.py_func}

    @classmethod
    def _rebuild(cls, py_func: Any) -> NumbasDispatcher:
        return cls(py_func)

    def __reduce__(self) -> Any:
        raise AssertionError("this would be bytecode")


def test_functions_that_numba_compiles_travel_as_source(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba.core.dispatcher", types.ModuleType("numba.core.dispatcher"))
    monkeypatch.setitem(sys.modules, "numba", types.ModuleType("numba"))
    monkeypatch.setattr(NumbasDispatcher, "__module__", "numba.core.dispatcher")
    sys.modules["numba.core.dispatcher"].NumbasDispatcher = NumbasDispatcher  # type: ignore[attr-defined]
    ends.home["compiled"] = NumbasDispatcher
    ends.cell("@compiled\ndef twice(x): return 2 * x")
    sent = ends.send("twice")
    assert sent["twice"].py_func(4) == 8 and ends.dumped.groups[0].codecs == {"twice": "source"}


def test_long_chains_of_objects_travel(ends: Ends) -> None:
    """Since Python 3.12 pickle's C code stops after some hundreds; figures have chains of more."""
    ends.cell("class Link:\n    def __init__(self, before): self.before = before\nchain = None")
    ends.cell("for _ in range(2000): chain = Link(chain)\npair = [chain, chain.before]")
    sent = ends.send("chain", "pair")
    assert sent["pair"][1] is sent["chain"].before and sent["pair"][0] is sent["chain"]
    ends.begin()
    back = ends.back(inner=sent["chain"].before.before)
    assert back["inner"] is ends.home["chain"].before.before


def test_many_objects_come_back_by_number(ends: Ends) -> None:
    ends.send(rows=[{"i": i} for i in range(30_000)])
    ends.begin()
    ends.far["rows"][7]["i"] = -7
    back = ends.back(**{f"r{i}": [ends.far["rows"][i]] for i in range(20)})
    rows = next(obj for obj in ends.dumped.memo.objects if isinstance(obj, list))
    assert rows[7] == {"i": -7} and all(back[f"r{i}"][0] is rows[i] for i in range(20))
