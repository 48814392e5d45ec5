"""Values come out as they went in; what cannot travel is named, and spares the rest."""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import gc
import importlib
import itertools
import math
import os
import random
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprocess.worker.wire.remade import make_facts

from .conftest import Ends

ARRAYS = {
    "plain": np.arange(100_000.0),
    "fortran": np.asfortranarray(np.arange(60_000.0).reshape(200, 300)),
    "turned": np.arange(10_000.0).reshape(100, 100).T,
    "strided": np.arange(100_000)[::3],
    "dates": np.arange("2024-01-01", "2030-01-01", dtype="M8[h]"),
    "nothing": np.empty((0, 3)),
    "scalar": np.array(5.0),
    "records": np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "objects": np.array([1, "a", None, [2]], dtype=object),
    "text": np.array(["ä", "bcd"]),
    "number": np.float32(1.5),
    "day": np.datetime64("2024-05-01"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(ends: Ends, name: str) -> None:
    value = ARRAYS[name]
    found = ends.send(value=value)["value"]
    assert type(found) is type(value) and found.dtype == value.dtype and found.shape == value.shape
    assert found.tolist() == value.tolist()
    if isinstance(value, np.ndarray):
        assert found.flags.writeable and found.strides == value.strides


def test_a_dtype_stays_the_very_one_of_c(ends: Ends) -> None:
    values = np.arange(3, dtype=np.longlong)
    found = ends.send(values=values, one=values[1])
    assert found["values"].dtype.char == "q" and type(found["one"]) is np.longlong
    assert ends.send(big=np.arange(3, dtype=">i8"))["big"].dtype.str == ">i8"
    odd = np.dtype("i4").newbyteorder("=").newbyteorder("=")
    assert odd is not np.dtype("i4")
    found = ends.send(small=np.arange(3.0), large=np.zeros(100_000), odd=np.zeros(3, dtype=odd))
    assert all(np.asarray(found[name], dtype=float) is found[name] for name in ("small", "large"))
    assert found["odd"].dtype is not np.dtype("i4") and found["odd"].dtype == "i4"


def test_an_array_with_another_shape_than_its_memory_is_a_view_there_too(ends: Ends) -> None:
    found = ends.send(turned=np.arange(6).reshape(2, 3), own=np.arange(6))
    assert found["turned"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["turned"].base.tolist() == [0, 1, 2, 3, 4, 5]
    assert (found["turned"].flags.owndata, found["own"].flags.owndata) == (False, True)


def test_a_plot_of_bokeh_is_whole_and_in_the_document_of_its_process(ends: Ends) -> None:
    plotting = pytest.importorskip("bokeh.plotting")
    plot = plotting.figure(tools="pan")
    drawn = plot.scatter([1, 2], [3, 4], size=5)
    plotting.curdoc().add_root(plot)
    found = ends.send(plot=plot, drawn=drawn)
    assert found["plot"].id == plot.id and found["plot"].document is plotting.curdoc()
    assert found["plot"].renderers == [found["drawn"]] and found["drawn"].glyph.size == 5
    ((owner, descriptor),) = found["plot"].renderers._owners
    assert owner is found["plot"] and descriptor is type(plot).__mro__[1].__dict__["renderers"]


def test_a_function_that_jax_compiles_has_its_attributes(ends: Ends) -> None:
    jax = pytest.importorskip("jax")
    doubled = jax.jit(lambda x: x * 2)
    found = ends.send(doubled=doubled)["doubled"]
    assert float(found(3.0)) == 6.0 and found.lower(3.0).compile() is not None
    assert found.__wrapped__(4) == 8 and vars(found).keys() == vars(doubled).keys()


def test_what_holds_a_figures_canvas_stays(ends: Ends) -> None:
    """An image need not have what shows figures in a page (ipykernel, ipympl)."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = pyplot.figure()
    figure.add_axobserver(print)
    try:
        found = ends.send(figure=figure)["figure"]
    finally:
        pyplot.close(figure)
    told = [proxy() for held in found._axobservers.callbacks.values() for proxy in held.values()]
    assert len(told) == 1 and told[0].__closure__[0].cell_contents is print
    told = [proxy() for held in found._canvas_callbacks.callbacks.values() for proxy in held.values()]
    assert told and not any("<locals>" in function.__qualname__ for function in told)


class Log(list[Any]):
    def __init__(self, *items: Any) -> None:
        self.added: list[Any] = []
        super().__init__(items)

    def append(self, item: Any) -> None:
        self.added.append(item)
        super().append(item)

    def __iter__(self) -> Any:
        return iter(["shown"])


class Lower(dict[str, Any]):
    __slots__ = ("sets",)

    def __setitem__(self, key: str, value: Any) -> None:
        self.sets = getattr(self, "sets", 0) + 1
        super().__setitem__(key.lower(), value)


class Ordered(collections.OrderedDict[str, int]):
    def __setitem__(self, key: str, value: int) -> None:
        if key in self:
            raise KeyError(f"{key} is there")
        super().__setitem__(key, value)


class Lists(collections.defaultdict[str, Any]):
    def __init__(self) -> None:
        super().__init__(list)


class Counted(collections.Counter[str]):
    label = "none"


class Last(collections.deque[int]):
    def __init__(self, items: Any, kept: int) -> None:
        super().__init__(items, maxlen=kept)


class Evens(set[int]):
    def __init__(self, name: str) -> None:
        self.name = name


def test_containers_of_a_class_of_their_own_hold_what_they_held(ends: Ends) -> None:
    log, lower, ordered, lists, counted, evens = Log(1), Lower(), Ordered(), Lists(), Counted("aab"), Evens("even")
    log.append(log)
    lower["A"] = log
    dict.__setitem__(lower, "B", 2)
    ordered["x"], ordered["y"] = 1, 2
    ordered.move_to_end("x")
    lists["k"].append(3)
    counted.label = "letters"
    evens.add(2)
    found = ends.send(
        log=log, lower=lower, ordered=ordered, lists=lists, counted=counted, last=Last("ab", 2), evens=evens
    )
    log = found["log"]
    assert type(log) is Log and [log[0], log[1] is log] == [1, True] and len(log) == 2 and log.added == [log]
    assert found["lower"] == {"a": log, "B": 2} and found["lower"].sets == 1
    assert list(found["ordered"].items()) == [("y", 2), ("x", 1)] and type(found["ordered"]) is Ordered
    assert found["lists"] == {"k": [3]} and found["lists"]["new"] == []
    assert found["counted"] == {"a": 2, "b": 1} and found["counted"].label == "letters"
    assert (list(found["last"]), found["last"].maxlen) == (["a", "b"], 2)
    assert found["evens"] == {2} and found["evens"].name == "even"


def test_what_a_library_offers_by_name_stays_the_librarys_own(ends: Ends) -> None:
    import sympy

    sent = {"field": sympy.RR, "lazy": sympy.test, "inside": [sympy.CC], "number": sympy.Integer(7)}
    found = ends.send(**sent)
    assert found["field"] is sympy.RR and found["lazy"] is sympy.test and found["inside"][0] is sympy.CC
    assert found["number"] == 7


def test_functions_that_a_library_made_by_a_call_and_offers_stay_the_librarys_own(ends: Ends) -> None:
    mpmath = pytest.importorskip("mpmath")
    found = ends.send(acos=mpmath.acos, quad=mpmath.quad, inside=[mpmath.sin])
    assert found["acos"] is mpmath.acos and found["quad"] is mpmath.quad and found["inside"][0] is mpmath.sin


def test_the_functions_of_scipys_transforms_go_by_their_names(ends: Ends) -> None:
    fft = pytest.importorskip("scipy.fft")
    assert ends.send(fft=fft.fft)["fft"] is fft.fft


def test_parameters_of_a_class_are_its_attributes_and_those_in_its_tables(ends: Ends) -> None:
    pytest.importorskip("param")
    ends.cell("import param\nclass Model(param.Parameterized):\n    size = param.Number(1, bounds=(0, 9))")
    ends.home["Model"].size = 5
    there = ends.send("Model")["Model"]
    assert there.param.size is vars(there)["size"] and there.size == 5 and there().size == 5


def test_a_method_that_a_module_offers_of_a_class_of_another(
    ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``statsmodels.formula.api.ols``."""
    package = tmp_path / "offers_methods"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text("class Model:\n    @classmethod\n    def fit(cls): return cls()\n")
    (package / "api.py").write_text("from .models import Model\nfit = Model.fit\n")
    monkeypatch.syspath_prepend(tmp_path)
    api = importlib.import_module("offers_methods.api")
    found = ends.send(fit=api.fit, other=api.Model.fit)
    assert found["fit"] is api.fit and found["other"] is not api.fit and found["other"] == api.fit


def test_a_group_that_was_left_behind_is_one_still(ends: Ends) -> None:
    groups = [group for _, group in itertools.groupby("aab")]
    found = ends.send(groups=groups)["groups"]
    assert [type(group).__name__ for group in found] == ["_grouper", "_grouper"]
    assert [list(group) for group in found] == [[], []]


def test_large_arrays_are_not_copied(ends: Ends) -> None:
    from nbprocess.worker import wire

    seen: list[Any] = []

    def put(buffer: Any) -> dict[str, Any]:
        seen.append(buffer)
        return {"id": len(seen) - 1, "size": 0}

    array = np.arange(1_000_000.0)
    wire.dump({"a": array}, put=put)
    assert any(np.shares_memory(np.frombuffer(b, np.uint8), array) for b in seen if len(b) == array.nbytes)


def test_a_frame_over_rows_with_gaps_lies_row_by_row_there_too(ends: Ends) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).random((500, 9))[:, :-1], copy=False)
    found = ends.send(frame=frame)["frame"]
    assert found.to_numpy().strides[1] == 8
    assert np.array_equal(np.var(found.to_numpy(), axis=0), np.var(frame.to_numpy(), axis=0))


def test_a_part_with_large_gaps_has_them_there_but_they_do_not_travel(ends: Ends) -> None:
    part = np.arange(1_000_000.0).reshape(1000, 1000)[5::4, ::-4]
    found = ends.send(part=part)["part"]
    assert found.strides == part.strides and np.array_equal(found, part)
    assert sum(map(len, ends.store.values())) < part.nbytes * 1.1 and part.base.nbytes > 10 * part.nbytes


def frames() -> dict[str, Any]:
    days = pd.date_range("2024-01-01", periods=4, freq="D", tz="Europe/Rome")
    wide = pd.DataFrame(
        {
            "int": [1, 2, 3, 4],
            "text": ["a", None, "c", "é"],
            "when": days,
            "kind": pd.Categorical(["u", "v", "u", None], categories=["v", "u", "w"], ordered=True),
            "maybe": pd.array([1, None, 3, 4], dtype="Int64"),
            "flag": pd.array([True, None, False, True], dtype="boolean"),
            "named": pd.array(["x", None, "y", "z"], dtype="string"),
            "any": [1, "x", [2], None],
            "span": pd.to_timedelta([1, 2, 3, 4], unit="h"),
        }
    )
    wide.attrs["source"] = "test"
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    return {
        "wide": wide,
        "by days": wide.set_index("when"),
        "multi": wide.set_index(["kind", "int"]),
        "twice": twice,
        "empty": pd.DataFrame(),
        "columns only": pd.DataFrame(columns=["a", "b"]),
        "series": wide["text"].rename("other"),
        "period": pd.Series(pd.period_range("2024", periods=3, freq="M")),
        "interval": pd.Series(pd.interval_range(0, 3)),
        "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        "block": pd.DataFrame(np.arange(30_000.0).reshape(10_000, 3)),
    }


@pytest.mark.parametrize("name", frames())
def test_frames(ends: Ends, name: str) -> None:
    value = frames()[name]
    found = ends.send(value=value)["value"]
    compare = pd.testing.assert_frame_equal if isinstance(value, pd.DataFrame) else pd.testing.assert_series_equal
    compare(found, value, check_freq=True)
    assert found.attrs == value.attrs and vars(found).keys() - {"_item_cache"} == vars(value).keys() - {"_item_cache"}
    if isinstance(value, pd.DataFrame) and value.size:
        found.iloc[0, 0] = value.iloc[-1, 0]  # what arrives can be written to


def test_plain_data_and_the_standard_library(ends: Ends) -> None:
    value = {
        "a": [1, 2.5, "x", b"y", None, True, 3 + 4j, range(3), {1, 2}, frozenset({3})],
        "when": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
        "price": decimal.Decimal("1.10"),
        ("tuple", 1): {"deep": [[[]]]},
    }
    assert ends.send(value=value)["value"] == value
    assert ends.dumped.groups[0].codecs == {"value": "plain"}


def test_generators_of_random_numbers_go_on_where_they_were(ends: Ends) -> None:
    old, new = random.Random(1), np.random.default_rng(1)
    sent = ends.send(old=old, new=new)
    assert sent["old"].random() == old.random() and sent["new"].random() == new.random()


def test_shared_objects_stay_shared(ends: Ends) -> None:
    shared: list[int] = []
    base = np.arange(100_000.0)
    sent = ends.send(a={"s": shared}, b=[shared], alone=[1], base=base, view=base[10:20])
    assert sent["a"]["s"] is sent["b"][0]
    sent["base"][10] = -1
    assert sent["view"][0] == -1
    assert sorted(len(g.names) for g in ends.dumped.groups) == [1, 2, 2]


def test_many_small_arrays_are_one_blob(ends: Ends) -> None:
    ends.dump(many=[np.arange(10.0) + n for n in range(5000)])
    assert len(ends.store) <= 2


def at_work() -> threading.Thread:
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    return thread


class Trainer:
    def __init__(self) -> None:
        self.logger = {"handlers": [1, at_work()]}


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ((n for n in [open(os.__file__)]), "", "Open it inside the cell"),
        (at_work(), "", "Make it inside the cell"),
        ({"k": [1, {"lock": at_work()}]}, "value['k'][1]['lock']", "Make it inside the cell"),
        (Trainer(), "value.logger['handlers'][1]", "Make it inside the cell"),
        (open(os.__file__), "", "Open it inside the cell"),
        (__import__("os").environ, "", "--env NAME"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_travel_is_named_and_spares_the_rest(ends: Ends, value: Any, path: str, says: str) -> None:
    dumped = ends.dump(value=value, good=[1])
    assert set(dumped.failed) == {"value"} and [g.names for g in dumped.groups] == [["good"]]
    assert dumped.failed["value"].path == path and says in str(dumped.failed["value"])


def test_credentials_never_travel(ends: Ends) -> None:
    import boto3

    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    dumped = ends.dump(session=session, inside={"session": session}, credentials=session.get_credentials())
    assert set(dumped.failed) == {"session", "inside", "credentials"}
    assert "credentials" in str(dumped.failed["session"]) and not ends.store


def test_nan_is_still_the_nan_that_code_asks_for(ends: Ends) -> None:
    """``x is np.nan`` and ``np.nan in items`` go by identity."""
    own = float("nan")
    values = {
        "plain": [1.0, np.nan, math.nan, own, own],
        "keys": {np.nan: "missing"},
        "column": pd.DataFrame({"a": ["x", np.nan], "b": [1, 2]}, dtype=object),
        "array": np.array([np.nan, "x"], dtype=object),
    }
    far = ends.send(**values)
    assert far["plain"][1] is np.nan and far["plain"][2] is math.nan and far["plain"][3] is far["plain"][4]
    assert far["keys"][np.nan] == "missing" and far["column"]["a"][1] is np.nan and far["array"][0] is np.nan
    ends.begin()
    far["plain"].append(np.nan)
    assert ends.back(found=far["array"])["found"][0] is np.nan and values["plain"][5] is np.nan


def test_names_that_exec_used(ends: Ends) -> None:
    """``exec`` puts Python's builtins among them."""
    names: dict[str, Any] = {"k": 2}
    exec("double = k * 2", names)
    far = ends.send(names=names)["names"]
    assert far["double"] == 4 and far["__builtins__"] is vars(builtins) and eval("len([k])", far) == 1


def test_what_was_sent_is_freed_with_its_last_name(ends: Ends) -> None:
    """A pickler in a cycle would keep all of it until Python looks for cycles."""
    ends.cell("class Held: pass\nheld = Held(); held.parts = [Held()]")
    held = weakref.ref(ends.home["held"])
    gc.disable()
    try:
        ends.send("held")
        ends.begin()
        ends.far["held"].parts.append(1)
        ends.back()
        del ends.dumped, ends.home["held"], ends.loaded, ends.snapshot, ends.applied
        assert held() is None
    finally:
        gc.enable()


def test_facts_of_an_interpreter_are_its_own_object_or_the_other_ones(ends: Ends) -> None:
    ends.home["facts"] = [sys.float_info, sys.version_info]
    far = ends.send("facts")["facts"]
    assert far[0] is sys.float_info and far[1] is sys.version_info
    older = make_facts("version_info", (3, 9, 7, "final", 0), ("major", "minor", "micro", "releaselevel", "serial"))
    ends.home["older"] = older
    there = ends.send("older")["older"]
    assert (there, there.minor, there < sys.version_info) == (older, 9, True)
    assert repr(there) == "sys.version_info(major=3, minor=9, micro=7, releaselevel='final', serial=0)"
