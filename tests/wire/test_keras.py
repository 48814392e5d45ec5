"""TensorFlow and Keras 3: tensors, variables, models, pipelines, there and back, and what a cell changes of them."""

from __future__ import annotations

import os
import random
import sys

import numpy as np
import pytest

from nbprocess.worker import ambient, wire
from tests.wire.ends import Notebook, Trip, travel

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed (no requirement of the tests: gigabytes)")
keras = pytest.importorskip("keras", reason="Keras is not installed (no requirement of the tests)")

X = np.random.default_rng(1).random((64, 4)).astype("float32")
Y = (X.sum(1) > 2).astype("int32")


def _compiled():
    layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.2), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=loss, metrics=["accuracy"])
    return model


def test_tensors_keep_what_they_are():
    values = {
        "numbers": tf.constant([[1, 2], [3, 4]], tf.int16),
        "texts": tf.constant(["a", "ü"]),
        "half": tf.ones(3, tf.bfloat16),
        "complex": tf.constant(3j),
        "empty": tf.zeros((0, 3)),
        "ragged": tf.ragged.constant([[1], [2, 3]]),
        "sparse": tf.sparse.from_dense([[0, 1.0], [2, 0]]),
        "slices": tf.IndexedSlices(tf.ones((1, 2)), tf.constant([3])),
    }
    trip = Trip(**values)
    for name in ("numbers", "texts", "half", "complex", "empty"):
        assert trip[name].dtype == values[name].dtype and np.array_equal(trip[name].numpy(), values[name].numpy()), name
    assert trip["ragged"].to_list() == [[1], [2, 3]]
    assert tf.sparse.to_dense(trip["sparse"]).numpy().tolist() == [[0, 1], [2, 0]]
    assert trip["slices"].indices.numpy().tolist() == [3]
    assert not wire.changes(trip.before).patches


def test_what_is_assigned_in_a_job_is_assigned_to_the_same_variable():
    variable = tf.Variable([[1.0, 2.0]], name="weights")
    trip = Trip(variable=variable, pair=[variable])
    assert trip["pair"][0] is trip["variable"] and trip["variable"].name == "weights:0"
    read = trip["variable"].assign_add([[1.0, 1.0]])
    back = trip.back(read=read, doubled=trip["variable"] * 2)
    assert variable.numpy().tolist() == [[2, 3]]
    assert back["read"].handle is variable.handle, "what assign_add() gives reads the very variable"
    assert back["doubled"].numpy().tolist() == [[4, 6]]


def test_a_model_that_trains_in_a_job_is_the_notebooks_own():
    model = _compiled()
    trip = Trip(model=model)
    history = trip["model"].fit(X, Y, epochs=2, verbose=0)
    history = trip.back(history=history)["history"]
    assert history.model is model and model.history is history and model.built

    weight, layer, variables = model.weights[0], model.layers[0], [id(part) for part in model.variables]
    before = weight.numpy()
    model.fit(X, Y, verbose=0)  # here, then there, then here
    trip = Trip(model=model, weight=weight, layer=layer, optimizer=model.optimizer)
    assert trip["weight"] is trip["model"].weights[0] and trip["layer"] is trip["model"].layers[0]
    assert trip["optimizer"] is trip["model"].optimizer
    trip["model"].fit(X, Y, verbose=0)
    trip.back()
    assert [id(part) for part in model.variables] == variables and not np.array_equal(weight.numpy(), before)
    assert np.array_equal(weight.numpy(), trip["weight"].numpy())
    assert int(model.optimizer.iterations.numpy()) == 8
    model.fit(X, Y, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 10
    assert np.allclose(model.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0))


def test_a_model_that_nobody_changed_has_no_patch():
    model = _compiled()
    model.fit(X, Y, verbose=0)
    trip = Trip(model=model)
    trip["model"].predict(X, verbose=0)
    changed = {
        type(trip.there.memo.objects[int(name[len("\0patch:") :])]) for name in wire.changes(trip.before).patches
    }
    assert not any("Dense" in kind.__name__ or "EagerTensor" in kind.__name__ for kind in changed), changed


def test_a_functional_model_keeps_its_graph_with_its_tensors():
    inputs = keras.Input((4,), name="digits")
    hidden = keras.layers.Dense(5, activation="relu")(inputs)
    outputs = keras.layers.Dense(1)(keras.layers.Concatenate()([hidden, inputs]))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    trip = Trip(model=model, inputs=inputs)
    there = trip["model"]
    assert there.input is trip["inputs"]
    there.fit(X, Y, verbose=0)
    features = keras.Model(there.input, there.layers[1].output)
    features = trip.back(features=features)["features"]
    assert features.layers[1] is model.layers[1], "a model over layers of the notebook's"
    assert np.allclose(model.predict(X, verbose=0), there.predict(X, verbose=0))
    assert features.predict(X, verbose=0).shape == (64, 5)
    assert keras.models.clone_model(model).count_params() == model.count_params()


def test_what_is_compiled_again_in_a_job_holds_here():
    model = _compiled()
    model.fit(X, Y, verbose=0)
    compiled = model.train_function
    trip = Trip(model=model)
    trip["model"].layers[0].trainable = False
    trip["model"].compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trip.back()
    assert type(model.optimizer).__name__ == "SGD" and not model.layers[0].trainable
    assert model.train_function is None and compiled is not None
    frozen = model.layers[0].kernel.numpy()
    model.fit(X, Y, verbose=0)
    assert np.array_equal(model.layers[0].kernel.numpy(), frozen)


def test_classes_of_the_notebook():
    home = Notebook()
    home.run(
        "import keras, tensorflow as tf\n"
        "seen = []\n"
        "class Twice(keras.layers.Layer):\n"
        "    def __init__(self, units):\n"
        "        super().__init__()\n"
        "        self.inner = keras.layers.Dense(units)\n"
        "    def call(self, x):\n"
        "        return self.inner(x) * 2\n"
        "class Own(keras.Model):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.twice = Twice(1)\n"
        "    def call(self, x):\n"
        "        return self.twice(x)\n"
        "class Note(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        seen.append(epoch)\n"
        "model, note = Own(), Note()\n"
        "model.compile('sgd', 'mse')\n"
        "model(tf.ones((1, 4)))\n"
        "@tf.function\n"
        "def plus(x):\n"
        "    return x + 1\n"
    )
    far = travel(home, "model", "note", "seen", "plus", "tf")
    far.ns["X"], far.ns["Y"] = X, Y
    far.run("model.fit(X, Y, epochs=2, verbose=0, callbacks=[note])\nthree = int(plus(tf.constant(2)))")
    assert far.ns["seen"] == [0, 1] and far.ns["three"] == 3
    assert [part.path for part in far.ns["model"].variables] == [part.path for part in home.ns["model"].variables]


def test_modules_with_lists_and_dicts_of_variables():
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.list, self.dict = tf.Variable(1.0), [tf.Variable(2.0)], {"a": tf.Variable(3.0)}

    module = Module()
    trip = Trip(module=module)
    trip["module"].scale.assign(5.0)
    trip["module"].dict["a"].assign(7.0)
    trip["module"].list.append(tf.Variable(1.0))
    trip.back()
    assert (float(module.scale), float(module.dict["a"]), len(module.list)) == (5, 7, 2)
    assert len(module.variables) == 4


def test_lookup_tables_and_what_is_made_of_them():
    layer = keras.layers.TextVectorization(max_tokens=10)
    layer.adapt(["a b c", "a"])
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    trip = Trip(layer=layer, table=table, fresh=keras.layers.TextVectorization())
    assert np.array_equal(trip["layer"](["c a z"]), layer(["c a z"]))
    trip["table"].insert(tf.constant(["k"]), tf.constant([3], tf.int64))
    trip["layer"].adapt(["x y y"])
    trip.back()
    assert int(table.lookup(tf.constant("k"))) == 3
    assert layer.get_vocabulary() == ["", "[UNK]", "y", "x"]


def test_pipelines_go_with_their_data_and_functions():
    data = tf.data.Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x * 2, y)).batch(10).prefetch(1)
    trip = Trip(data=data)
    again = Trip(data=trip["data"])["data"]
    assert repr(again) == repr(data) and len(list(again)) == 7
    assert np.allclose(next(iter(again))[0], X[:10] * 2)
    assert not trip.sent.notices()
    told = Trip(data=data.shuffle(10, seed=1)).sent.notices()
    assert len(told) == 1 and "shuffles by a seed" in told[0]


def _generated():
    return tf.data.Dataset.from_generator(lambda: iter([1, 2, 3]), output_signature=tf.TensorSpec((), tf.int32))


def test_pipelines_that_call_python_or_use_tables_take_their_steps_again():
    home = Notebook()
    home.run(
        "import tensorflow as tf, keras\n"
        "words = keras.layers.TextVectorization()\n"
        "words.adapt(['a b', 'b'])\n"
        "added = tf.Variable(2)\n"
        "def plus(x):\n"
        "    print('traced')\n"
        "    return x + added\n"
        "texts = tf.data.Dataset.from_tensor_slices(['a b', 'b']).map(words).batch(1).prefetch(2)\n"
        "numbers = tf.data.Dataset.from_tensor_slices([1, 2, 3]).map(plus).shuffle(3, seed=1).take(3)\n"
    )
    home.ns["generated"] = _generated().batch(2)
    names = ["texts", "numbers", "generated"]
    far = travel(home, *names, "plus", "words", "added", "tf")
    again = travel(far, *names, "plus", "words", "added", "tf")
    for name in names:
        assert repr(again.ns[name]) == repr(home.ns[name])
        expected = [item.tolist() for item in home.ns[name].as_numpy_iterator()]
        assert [item.tolist() for item in again.ns[name].as_numpy_iterator()] == expected, name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: iter(tf.data.Dataset.range(3)), "make the iterator inside the cell"),
        (lambda: tf.data.Dataset.zip(_generated(), _generated()), "PyFunc is stateful"),
        (lambda: tf.distribute.MirroredStrategy(["CPU:0"]), "Make it inside the cell"),
    ],
    ids=["iterator", "generator", "strategy"],
)
def test_what_cannot_travel_is_refused_with_the_way_out(make, words):
    failed = wire.dump({"value": {"in": make()}}, put=None).failed
    assert words in failed["value"].reason and failed["value"].path == "value['in']"


def test_seeds_names_and_formats_hold_at_both_ends():
    keras.utils.set_random_seed(3)
    keras.layers.Dense(1)
    tf.random.uniform((1,))
    keras.random.normal((1,))
    keras.config.set_floatx("float64")
    state = ambient.collect()
    expected = _drawn()
    keras.config.set_floatx("float32")
    keras.utils.set_random_seed(9)
    keras.backend.clear_session()
    ambient.apply(state)
    assert keras.config.floatx() == "float64" and ambient.collect()["keras"] == state["keras"]
    assert _drawn() == expected
    keras.config.set_floatx("float32")


def _drawn():
    numbers = [float(tf.random.uniform(())), float(keras.random.normal(())), random.random()]
    return [*numbers, keras.layers.Dense(1).name]


def test_nothing_imports_tensorflow_by_itself():
    import subprocess

    code = "import sys, nbprocess.worker.wire, nbprocess.worker.ambient as a; a.collect(); print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
