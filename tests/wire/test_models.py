"""Models of other libraries, and types whose package brings its own codec."""

from __future__ import annotations

import pickle
import sys
import textwrap

import pytest

from nbprocess.worker import wire
from nbprocess.worker.wire import plugins

from .conftest import Ends

np = pytest.importorskip("numpy")


def there_and_back(**values):
    blobs = []

    def put(buffer):
        blobs.append(bytearray(memoryview(buffer).cast("B")))
        return {"size": len(blobs[-1]), "chunks": [len(blobs) - 1]}

    dumped = wire.dump(values, put=put)
    assert not dumped.failed, dumped.failed
    loaded = wire.load(dumped.groups, get=lambda blob: blobs[blob["chunks"][0]], namespace={})
    assert not loaded.failed, loaded.failed
    return loaded.values, dumped, blobs


# -- models ----------------------------------------------------------------------------------------------------------


def _data():
    rows = np.random.default_rng(0).random((300, 4))
    return rows, rows[:, 0] * 2 + rows[:, 1]


def test_xgboost_goes_in_its_neutral_form():
    xgboost = pytest.importorskip("xgboost")
    rows, target = _data()
    model = xgboost.XGBRegressor(n_estimators=20, max_depth=3).fit(rows, target)
    booster = model.get_booster()
    booster.set_attr(note="kept")
    back, dumped, blobs = there_and_back(model=model, booster=booster)
    assert np.array_equal(back["model"].predict(rows), model.predict(rows))
    assert back["booster"].attr("note") == "kept" and back["model"].get_booster() is back["booster"]
    assert back["booster"].save_raw("ubj") == booster.save_raw("ubj")
    assert any(b"learner" in bytes(blob) for blob in blobs) and "xgboost" in dumped.groups[0].needs
    back["model"].fit(rows, target, xgb_model=back["booster"])


def test_lightgbm_goes_in_its_text_form():
    lightgbm = pytest.importorskip("lightgbm")
    rows, target = _data()
    model = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1).fit(rows, target)
    back, _, blobs = there_and_back(model=model)
    assert np.array_equal(back["model"].predict(rows), model.predict(rows))
    assert any(b"tree_sizes" in bytes(blob) for blob in blobs)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_model_that_a_cell_trains_on_is_trained_here(ends, library):
    package = pytest.importorskip(library)
    rows, target = _data()
    if library == "xgboost":
        booster = package.train({}, package.DMatrix(rows, target), 3)
        trained = package.train({}, package.DMatrix(rows, target), 6)
    else:
        quiet = {"verbose": -1}
        booster = package.train(quiet, package.Dataset(rows, target), 3)
        trained = package.train(quiet, package.Dataset(rows, target), 6)
    far = ends.send(booster=booster, held=[booster])
    ends.begin()
    assert not wire.changes(ends.snapshot).names
    far["booster"].__setstate__(trained.__getstate__())
    assert far["held"][0] is far["booster"]
    ends.back()
    assert ends.changed == ["booster"] and not ends.applied.rebind
    found = [model.predict(package.DMatrix(rows) if library == "xgboost" else rows) for model in (booster, trained)]
    assert np.array_equal(*found) and not np.all(found[0] == found[0][0])


def test_a_model_of_a_formula_keeps_its_design_with_the_functions_of_the_notebook(ends):
    pytest.importorskip("statsmodels.formula.api")
    ends.cell(
        "import pandas as pd, statsmodels.formula.api as smf\nfrom patsy import dmatrices\n"
        "df = pd.DataFrame({'y': [1.0, 2, 3, 5, 4], 'x': [0.0, 1, 2, 3, 5]})\n"
        "def double(x):\n    return 2 * x\n"
        "est = smf.ols('y ~ double(x)', df).fit()\nmatrix = dmatrices('y ~ x', df)[1]"
    )
    far = ends.send("est", "matrix", "df")
    assert far["est"].predict(far["df"]).tolist() == ends.home["est"].predict(ends.home["df"]).tolist()
    assert far["est"].model.data.model_spec.column_names == ["Intercept", "double(x)"]
    assert type(far["matrix"]).__name__ == "DesignMatrix" and far["matrix"].design_info.column_names == [
        "Intercept",
        "x",
    ]
    ends.begin()
    assert not wire.changes(ends.snapshot).names


# -- codecs of others ------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a type that pickle cannot send, and a codec for it."""
    (tmp_path / "measured").mkdir()
    (tmp_path / "measured" / "__init__.py").write_text(
        textwrap.dedent("""
        class Series:
            def __init__(self, values, unit):
                self.values, self.unit, self.lock = values, unit, lambda: None
            def __reduce_ex__(self, protocol):
                raise TypeError("no pickle for this")

        class Derived(Series):
            pass

        class codec:
            @staticmethod
            def dump(value):
                return {"values": value.values, "unit": value.unit}
            @staticmethod
            def load(state):
                return Series(**state)
        """)
    )
    info = tmp_path / "measured-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: measured\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nbprocess.codecs]\nmeasured.Series = measured:codec\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._declared.cache_clear()
    import measured

    yield measured
    plugins._declared.cache_clear()
    sys.modules.pop("measured", None)


def test_a_package_says_how_its_types_travel(package):
    values = np.arange(100_000.0)
    series = package.Series(values, "m/s")
    with pytest.raises(TypeError):
        pickle.dumps(series)
    back, dumped, blobs = there_and_back(series=[series, series], values=values)
    first, second = back["series"]
    assert first is second and type(first) is package.Series and first.unit == "m/s"
    assert first.values is back["values"], "what is shared with other names stays shared"
    assert max(map(len, blobs)) == 800_000 and "measured" in dumped.groups[0].needs


def test_a_codec_is_for_its_exact_type(package):
    failed = wire.dump({"derived": package.Derived([], "m")}, put=lambda buffer: {"size": 0, "chunks": []}).failed
    assert "no pickle for this" in str(failed["derived"])


def test_a_plotly_figure_keeps_the_order_of_its_keys():
    graph = pytest.importorskip("plotly.graph_objects")
    layout = {"yaxis": {"type": "log"}, "title": {"text": "t"}}
    figure = graph.Figure({"data": [{"y": [1], "type": "bar"}], "layout": layout})
    figure.update_layout(barmode="stack")
    found = there_and_back(figure=figure)[0]["figure"]
    assert list(found._layout) == list(figure._layout) and list(found._layout)[-1] == "barmode"
    assert list(found._data[0]) == list(figure._data[0]) and found == figure


def test_quantities_belong_to_the_registry_of_the_notebook(ends):
    pytest.importorskip("pint")
    ends.cell("import pint\nunits = pint.UnitRegistry()\nunits.define('smoot = 1.7 * m')\nheight = 2 * units.smoot")
    units, height = ends.home["units"], ends.home["height"]
    far = ends.send("units", "height")
    ends.begin()
    assert (far["height"] + 1 * far["units"].km).to("m").magnitude == pytest.approx(1003.4)
    total = ends.back(total=far["height"] * 2)["total"]
    assert total == 4 * units.smoot
    assert total._REGISTRY is units
    assert ends.home["height"] is height


def test_parts_of_a_plotly_figure_stay_its_parts_and_arrays_stay_arrays(ends: Ends) -> None:
    graph = pytest.importorskip("plotly.graph_objects")
    figure = graph.Figure(graph.Scatter(x=np.arange(3.0), y=[1, 2, 3], marker={"size": 3}))
    trace, marker, alone = figure.data[0], figure.data[0].marker, graph.Bar(x=[1], marker_color="red")
    ends.home.update(figure=figure, trace=trace, marker=marker, alone=alone)
    far = ends.send("figure", "trace", "marker", "alone")
    ends.begin()
    assert far["figure"].data[0].x.sum() == 3.0
    far["marker"].color, far["trace"].name, far["alone"].marker.opacity = "blue", "renamed", 0.5
    far["figure"].add_bar(x=[1], y=[2])
    far["figure"].add_shape(type="line", x0=0, x1=1, y0=0, y1=1)
    back = ends.back(second=far["figure"].data[1])
    assert figure.data[0] is trace and trace.name == "renamed" and figure.data[1] is back["second"]
    assert figure.data[0].marker.color == "blue" and alone.marker.opacity == 0.5
    marker.size, figure.layout.shapes[0].x0 = 9, 5
    assert figure.to_dict()["data"][0]["marker"]["size"] == 9 and figure.to_dict()["layout"]["shapes"][0]["x0"] == 5


def test_traces_that_are_held_stay_those_that_they_are_when_others_are_taken_out(ends: Ends) -> None:
    graph = pytest.importorskip("plotly.graph_objects")
    figure = ends.home["figure"] = graph.Figure([graph.Scatter(y=[1]), graph.Scatter(y=[2]), graph.Scatter(y=[3])])
    first, second, third = figure.data
    far = ends.send("figure")
    ends.begin()
    far["figure"].data = [far["figure"].data[2], far["figure"].data[1]]
    far["figure"].add_scatter(y=[4])
    ends.back()
    assert figure.data[:2] == (third, second) and figure.data[0] is third and figure.data[1] is second
    assert first.parent is None and figure.data[2].y == (4,)
    third.name = "kept"
    assert figure.to_dict()["data"][0]["name"] == "kept"


def test_kinds_of_the_notebook_keep_their_attributes(ends: Ends) -> None:
    ends.cell(
        "import numpy as np, pandas as pd\n"
        "class Kept(pd.Series):\n    _metadata = ['unit']\n    @property\n    def _constructor(self): return Kept\n"
        "class Masked(np.ma.MaskedArray): pass\n"
        "kept, masked = Kept([1, 2], name='n'), np.ma.array([1, 2], mask=[0, 1]).view(Masked)\n"
        "kept.unit, masked.note = 'm', 'x'"
    )
    far = ends.send("kept", "masked")
    assert (far["kept"].unit, far["kept"].name, far["masked"].note) == ("m", "n", "x")
    assert far["masked"].mask.tolist() == [False, True] and far["masked"]._fill_value is None


def test_a_kind_of_table_of_the_notebook_keeps_what_it_holds(ends: Ends) -> None:
    pytest.importorskip("astropy")
    ends.cell(
        "from astropy.table import Table\n"
        "class Catalogue(Table):\n"
        "    def __init__(self, *parts, **more):\n        super().__init__(*parts, **more)\n        self.owner = 'me'\n"
        "table = Catalogue({'a': [1, 2]})\ntable.note = ['n']\ncolumn = table['a']"
    )
    table, column = ends.home["table"], ends.home["column"]
    far = ends.send("table", "column")
    ends.begin()
    far["table"].note.append("m")
    far["table"].owner = "you"
    far["table"]["a"][0] = 9
    far["table"]["b"] = [5, 6]
    ends.back()
    assert (table.note, table.owner, table.colnames) == (["n", "m"], "you", ["a", "b"])
    assert table["a"] is column and list(column) == [9, 2]


def test_columns_of_a_table_are_its_own(ends):
    pytest.importorskip("astropy")
    ends.cell(
        "from astropy.table import QTable\nfrom astropy import units\n"
        "table = QTable({'height': [1, 2] * units.m, 'name': ['a', 'b']})\nname = table['name']"
    )
    table, name = ends.home["table"], ends.home["name"]
    far = ends.send("table", "name")
    ends.begin()
    far["name"][0] = "z"
    far["table"]["double"] = far["table"]["height"] * 2
    far["table"].rename_column("name", "who")
    height = ends.back(height=far["table"]["height"])["height"]
    assert table.colnames == ["height", "who", "double"] and str(table["double"][1]) == "4.0 m"
    assert table["height"] is height and table["who"] is name and list(name) == ["z", "b"]
    table.rename_column("who", "name")
    assert table.colnames == ["height", "name", "double"]


def test_training_data_of_xgboost(ends: Ends) -> None:
    xgboost = pytest.importorskip("xgboost")
    rows, labels = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    ends.home["data"] = data = xgboost.DMatrix(rows, label=labels, feature_names=["a", "b"])
    far = ends.send("data")["data"]
    ends.begin()
    assert (far.num_row(), far.feature_names, list(far.get_label())) == (20, ["a", "b"], list(labels))
    assert xgboost.train({}, far, 2).save_raw() == xgboost.train({}, data, 2).save_raw()
    far.set_weight(np.full(20, 2.0))
    ends.back()
    assert ends.home["data"] is data and list(data.get_weight()) == [2.0] * 20
    refused = ends.dump(quantiles=xgboost.QuantileDMatrix(rows, label=labels)).failed["quantiles"]
    assert "Send the data that it was made of" in str(refused)


def test_training_data_of_lightgbm(ends: Ends, capfd: pytest.CaptureFixture[str]) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    rows, labels = np.arange(80.0).reshape(40, 2), np.arange(40) % 2
    train = lightgbm.Dataset(rows, label=labels, init_score=np.full(40, 0.5))
    valid = lightgbm.Dataset(rows, label=labels, reference=train)
    settings = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    before = lightgbm.train(settings, train, 3, valid_sets=[valid]).model_to_string()
    capfd.readouterr()
    far = ends.send(train=train, valid=valid, later=lightgbm.Dataset(rows, label=labels))
    assert far["valid"].reference is far["train"]
    assert lightgbm.train(settings, far["train"], 3, valid_sets=[far["valid"]]).model_to_string() == before
    assert list(far["train"].get_init_score()) == [0.5] * 40 and far["later"].construct().num_data() == 40
    assert capfd.readouterr().out == ""


def test_typed_containers_of_numba_and_frames_under_their_names_in_sql(ends: Ends) -> None:
    typed = pytest.importorskip("numba.typed")
    polars = pytest.importorskip("polars")
    numbers, named = typed.List([1, 2]), typed.Dict()
    named["a"] = 1.5
    ends.home.update(numbers=numbers, named=named, empty=typed.List())
    ends.home["context"] = polars.SQLContext(t=polars.DataFrame({"a": [1, 2]}), eager=True)
    far = ends.send("numbers", "named", "empty", "context")
    ends.begin()
    far["numbers"].append(3)
    assert far["context"].execute("SELECT sum(a) AS s FROM t").item() == 3 and dict(far["named"]) == {"a": 1.5}
    ends.back()
    assert ends.home["numbers"] is numbers and list(numbers) == [1, 2, 3]


def test_what_numba_compiled_for_given_types_is_so_there_when_its_globals_are_bound(ends: Ends) -> None:
    pytest.importorskip("numba")
    ends.cell("import numpy as np\nfrom numba import guvectorize, njit, vectorize\n@njit\ndef half(v): return v / 2")
    ends.cell("@vectorize(['float64(float64)'])\ndef waves(v): return np.cos(half(v))")
    ends.cell(
        "@guvectorize(['void(float64[:], float64[:])'], '(n)->(n)')\n"
        "def sums(v, out):\n    for i in range(len(v)): out[i] = np.sin(v[i])"
    )
    ends.cell("@vectorize\ndef any_type(v): return np.sqrt(v)\nany_type(4.0)")
    far = ends.send("waves", "sums", "any_type", "half", "np")
    assert far["waves"](0.0) == 1 and far["waves"].types == ["d->d"] and list(far["sums"](np.zeros(2))) == [0, 0]
    assert far["any_type"].types == ["d->d"] and far["any_type"](np.int64(9)) == 3
    with pytest.raises(TypeError):
        far["waves"]("text")
    ends.cell("@vectorize(['float64(float64)'], target='parallel')\ndef spread(v): return v + 1")
    assert "Define it inside the cell" in str(ends.dump("spread").failed["spread"])


def test_a_problem_of_cvxpy_that_was_solved(ends: Ends) -> None:
    cvxpy = pytest.importorskip("cvxpy")
    x = cvxpy.Variable(2)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(x - 1)), [x >= 2])
    problem.solve()
    far = ends.send(problem=problem, x=x)
    ends.begin()
    far["problem"].solve()
    ends.back(again=far["x"])
    assert far["problem"].variables()[0] is far["x"] and far["x"].value == pytest.approx([2, 2], abs=1e-4)
