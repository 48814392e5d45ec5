"""PyTorch: tensors, their storages and gradients, there and back, and what a cell changes of them."""

from __future__ import annotations

import sys
import types
import warnings

import numpy as np
import pytest

from nbprocess.worker import torchstate, wire
from nbprocess.worker.wire.tensors import Storage, make_tensor
from tests.wire.ends import Trip

torch = pytest.importorskip("torch", reason="PyTorch is not installed (no requirement of the tests: gigabytes)")


def test_tensors_go_out_of_band_and_keep_what_they_are():
    odd = torch.arange(24, dtype=torch.int16).reshape(4, 6).T[::2]
    values = {
        "large": torch.rand(200_000),
        "odd": odd,
        "half": torch.rand(10).to(torch.bfloat16),
        "flags": torch.tensor([True, False]),
        "empty": torch.empty(0),
        "one": torch.tensor(3),
    }
    trip = Trip(**values)
    assert max(map(len, trip.blobs)) == 800_000 and len(trip.blobs[trip.sent.groups[0].stream["chunks"][0]]) < 10_000
    for name, tensor in values.items():
        assert trip[name].dtype == tensor.dtype and torch.equal(trip[name], tensor), name
    assert trip["odd"].stride() == odd.stride()
    assert not wire.changes(trip.before).patches, "nothing changed"


def test_tied_weights_and_views_stay_tied_and_go_once():
    base = torch.zeros(50_000)
    pair = Trip(pair={"all": base, "part": base[10:20], "again": base})["pair"]
    pair["all"][10] = 7
    assert pair["part"][0] == 7 and pair["again"] is pair["all"]

    model = torch.nn.Sequential(torch.nn.Linear(300, 300), torch.nn.ReLU(), torch.nn.Linear(300, 300))
    model[2].weight = model[0].weight
    model[0].bias.requires_grad_(False)
    trip = Trip(model=model)
    again = trip["model"]
    assert again[2].weight is again[0].weight and isinstance(again[0].weight, torch.nn.Parameter)
    assert again[0].weight.requires_grad and not again[0].bias.requires_grad
    sample = torch.rand(2, 300)
    assert torch.equal(again(sample), model(sample))
    assert sum(map(len, trip.blobs)) < 2 * 300 * 300 * 4, "the tied weight went once"


def test_names_share_a_storage_and_results_share_it_with_inputs():
    base = torch.zeros(50_000)
    trip = Trip(base=base, part=base[10:20])
    assert sum(map(len, trip.blobs)) < 250_000
    trip["part"].add_(1)
    assert trip["base"][10] == 1
    back = trip.back(tail=trip["base"][-5:])
    assert base[10] == 1, "changed in place"
    back["tail"][0] = 3
    assert base[-5] == 3, "a result over an input's memory lies over it here, too"


def test_tensors_and_arrays_over_the_same_memory():
    array = np.zeros(50_000, np.float32)
    trip = Trip(whole=torch.from_numpy(array), part=torch.from_numpy(array[10:20]), array=array)
    assert sum(map(len, trip.blobs)) < 250_000, "it went once"
    trip["part"][0] = 7
    assert trip["array"][10] == 7 == trip["whole"][10]
    back = trip.back(more=torch.from_numpy(trip["array"][:3]))
    assert array[10] == 7, "changed in place"
    back["more"][1] = 5
    assert array[1] == 5, "a result over an input's memory lies over it here, too"

    tensor = torch.zeros(6)
    trip = Trip(tail=tensor[3:].numpy(), both=[tensor.numpy(), tensor], again=tensor.numpy())
    trip["both"][0][4] = 3
    assert trip["tail"][1] == 3 == trip["both"][1][4] and trip["again"][4] == 3
    trip = Trip(tensor=tensor)
    back = trip.back(array=trip["tensor"].numpy()[1:])
    back["array"][0] = 9
    assert tensor[1] == 9
    assert Trip(fixed=torch.arange(3), other=np.arange(3))["fixed"].tolist() == [0, 1, 2]


def test_optimizers_keep_what_schedulers_and_hooks_are_to_them():
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    calls = []
    optimizer.register_step_pre_hook(lambda *_: calls.append(1))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    trip = Trip(layer=layer, optimizer=optimizer, scheduler=scheduler, calls=calls)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Seems like `optimizer.step()` has been overridden ..."
        for _ in range(2):
            trip["optimizer"].step()
            trip["scheduler"].step()
        trip.back()
        optimizer.step()
        scheduler.step()
    assert calls == [1, 1, 1] and scheduler.get_last_lr() == [0.0125] == [optimizer.param_groups[0]["lr"]]


def test_an_iterator_of_batches_goes_on_at_the_other_end():
    data = torch.utils.data.TensorDataset(torch.arange(8))

    def batches(begun):
        torch.manual_seed(1)
        loader = torch.utils.data.DataLoader(data, 2, shuffle=True)
        found = iter(loader)
        return found, [next(found)[0].tolist() for _ in range(begun)]

    for begun in (0, 1):
        it, first = batches(0)
        expected = [next(it)[0].tolist() for _ in range(4)]
        it, first = batches(begun)
        trip = Trip(it=it)
        first.append(next(trip["it"])[0].tolist())
        trip.back()
        assert first + [rest.tolist() for (rest,) in it] == expected


def test_what_a_cell_changes_is_changed_in_place():
    """What was not sent sees it: views, optimizers, other names."""
    net = torch.nn.Linear(3, 2)
    params, before = list(net.parameters()), net.weight.detach().clone()
    view, wide = net.weight.detach()[0], torch.zeros(1).expand(4)
    table = torch.zeros(2, 3)
    kept = table
    trip = Trip(net=net, wide=wide, table=table)
    there = trip["net"]
    there(torch.ones(1, 3)).sum().backward()
    torch.optim.SGD(there.parameters(), lr=0.5).step()
    there.bias.requires_grad_(False)
    trip["wide"][0] = 5
    trip["table"].data = torch.full((3, 3), 2.0)
    trip.back()
    assert net.weight is params[0] and torch.allclose(net.weight, before - 0.5)
    assert torch.equal(view, net.weight.detach()[0]), "a view that was not sent"
    assert torch.equal(net.weight.grad, torch.ones(2, 3)) and not net.bias.requires_grad
    assert wide.tolist() == [5, 5, 5, 5]
    assert kept.shape == (3, 3) and kept.sum() == 18


def test_gradients_travel_and_graphs_are_said_to_stay():
    weight = torch.ones(3, requires_grad=True)
    (weight * 2).sum().backward()
    loss = (weight * 3).sum()
    trip = Trip(weight=weight, loss=loss)
    assert trip["weight"].grad.tolist() == [2, 2, 2]
    assert trip.sent.notices() == [
        "`loss`: part of an autograd graph, which does not travel: backward() through it raises an error. "
        "Call backward() in the cell that computes it."
    ]
    there = trip["loss"]
    assert repr(there) == "tensor(9., grad_fn=<SumBackward0>)" == repr(loss) and there.item() == 9
    with pytest.raises(
        RuntimeError, match=r"graph of a tensor \(SumBackward0\) stayed .* Call backward\(\) in the cell"
    ):
        (there * trip["weight"]).sum().backward()
    trip["weight"].grad = None
    trip.back()
    assert weight.grad is None


def test_tensors_that_become_part_of_a_graph_or_leave_it():
    weight = torch.ones(3, requires_grad=True)
    total, done = torch.zeros(3), weight * 2
    kept = total
    trip = Trip(weight=weight, total=total, done=done)
    trip["total"].add_(trip["weight"] * 3)
    trip["done"].detach_()
    trip.back()
    assert kept.requires_grad and "AddBackward0" in repr(kept) and kept.tolist() == [3, 3, 3]
    assert not done.requires_grad
    with torch.no_grad():
        kept += 1


def test_what_was_set_up_for_the_cpu_and_stays_there_is_said(monkeypatch):
    """Accelerate keeps what a Trainer found out about its devices in a dict of a class."""
    module = types.ModuleType("accelerate.state")
    exec(
        "class State:\n    _shared_state = {}\n    def __init__(self): self.__dict__ = self._shared_state", vars(module)
    )
    module.State.__module__ = "accelerate.state"
    monkeypatch.setitem(sys.modules, "accelerate", types.ModuleType("accelerate"))
    monkeypatch.setitem(sys.modules, "accelerate.state", module)
    state = module.State()
    state.device = torch.device("cpu")
    sent = Trip(state=state)
    assert vars(sent["state"]) is module.State._shared_state and sent.there.notices() == []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    (line,) = Trip(state=state).there.notices()
    assert line.startswith("`state`: it was set up for the CPU and stays there") and "Make it inside the cell" in line


def test_a_device_that_is_not_here_becomes_the_cpu_and_that_is_said():
    storage = Storage(torch.arange(4, dtype=torch.float32).view(torch.uint8))
    made = make_tensor(storage, torch.float32, 0, (4,), (1,), "cuda:97", False, False)
    assert made.device.type == "cpu" and made.tolist() == [0, 1, 2, 3]
    made = make_tensor(storage, torch.float32, 1, (3,), (1,), "mps", True, True)
    assert made.tolist() == [1, 2, 3] and made.requires_grad
    loaded = wire.load([], get=None, namespace={})
    from nbprocess.worker.wire import tensors

    loaded.moved["made"] = tensors.moved()
    assert loaded.notices() == [
        "`made`: it was on cuda:97, and there is none here: it is on the CPU.",
        "`made`: it was on mps, and there is none here: it is on the CPU.",
    ]
    assert not tensors.moved()


def test_tensors_of_other_kinds_lie_over_the_same_storages():
    class Named(torch.Tensor):
        pass

    large = torch.rand(100_000)
    tagged = large.clone()
    tagged.note = "kept"
    trip = Trip(
        sparse=torch.eye(3).to_sparse(),
        turned=torch.tensor([1 + 2j]).conj(),
        tagged=tagged,
        named=large.as_subclass(Named),
        plain=large,
    )
    assert torch.equal(trip["sparse"].to_dense(), torch.eye(3)) and trip["turned"].tolist() == [1 - 2j]
    assert trip["tagged"].note == "kept" and torch.equal(trip["tagged"], large)
    assert torch.equal(trip["named"].as_subclass(torch.Tensor), large)
    assert sum(map(len, trip.blobs)) < 810_000, "out of band, and once"
    trip["plain"][0] = 9
    assert trip["named"][0] == 9


@pytest.fixture
def _as_it_was():
    """What the test sets for the whole process."""
    state, settings = torchstate.COLLECT["torch.random"](torch), torchstate.COLLECT["torch"](torch)
    yield
    torchstate.APPLY["torch"](torch, settings)
    torchstate.APPLY["torch.random"](torch, state)
    torchstate._elsewhere.clear()


def test_generators_and_settings_are_as_at_the_other_end(_as_it_was):
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    torch.set_printoptions(precision=2)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    there = {name: collect(torch) for name, collect in torchstate.COLLECT.items()}
    drawn = torch.rand(3)
    torch.manual_seed(4)
    torch.set_default_dtype(torch.float32)
    torch.set_printoptions(profile="default")
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)
    for name, apply in torchstate.APPLY.items():
        assert not apply(torch, there[name])
    assert torch.equal(torch.rand(3), drawn) and not torch.is_grad_enabled()
    assert repr(torch.tensor([1 / 3])) == "tensor([0.33])" and torch.are_deterministic_algorithms_enabled()
    if not torch.cuda.is_available():
        notes = torchstate.APPLY["torch"](torch, {"device": "cuda:0"})
        assert notes == ["torch.set_default_device('cuda:0') has no effect here: there is no such device"]


def test_states_of_gpus_that_are_not_here_travel_on(_as_it_was):
    """Two jobs one after the other do not draw the same numbers on their GPU."""
    torch.manual_seed(3)
    state = torchstate.COLLECT["torch.random"](torch)
    torchstate.APPLY["torch.random"](torch, {**state, "cuda": ["AAAA"]})
    if not torch.cuda.is_initialized():
        torch.rand(3)
        assert torchstate.COLLECT["torch.random"](torch)["cuda"] == ["AAAA"]
        torch.manual_seed(5)
        assert "cuda" not in torchstate.COLLECT["torch.random"](torch), "it was seeded anew"


def test_parametrized_modules():
    from torch.nn.utils.parametrizations import spectral_norm, weight_norm

    model = torch.nn.Sequential(weight_norm(torch.nn.Linear(3, 2)), spectral_norm(torch.nn.Linear(2, 2))).eval()
    given = torch.rand(4, 3)
    trip = Trip(model=model, first=model[0])
    there = trip["model"]
    assert there[0] is trip["first"] and torch.equal(there(given), model(given))
    assert torch.nn.utils.parametrize.is_parametrized(there[1], "weight")
    with torch.no_grad():
        there[0].parametrizations.weight.original0.mul_(2)
    there[1].bias.grad = torch.ones(2)
    expected = there(given)
    trip.back()
    assert torch.equal(model(given), expected) and model[1].bias.grad.tolist() == [1, 1]


def test_scripted_and_traced_modules():
    scripted, traced = torch.jit.script(torch.nn.Linear(2, 2)), torch.jit.trace(torch.nn.Linear(2, 1), torch.zeros(2))
    trip = Trip(scripted=scripted, traced=traced)
    given = torch.rand(3, 2)
    assert torch.equal(trip["scripted"](given), scripted(given)) and torch.equal(trip["traced"](given), traced(given))
    assert not wire.changes(trip.before).patches
    with torch.no_grad():
        trip["scripted"].weight.mul_(3)
    expected = trip["scripted"](given)
    trip.back()
    assert torch.equal(scripted(given), expected)
