"""Jobs on a real GPU: where its tensors are afterwards, what it draws, what it says of itself. Needs an NVIDIA GPU."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from tests.live_kernel import Kernel, Ran


def _missing() -> str:
    """Why these tests cannot run here; empty when they can. Asked of another process: CUDA must not be begun here."""
    if not shutil.which("nvidia-smi"):
        return "there is no NVIDIA GPU here (no nvidia-smi)"
    code = "import torch; print(torch.cuda.is_available())"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if asked.returncode:
        return "PyTorch is not installed in this environment"
    return "" if asked.stdout.strip() == "True" else "PyTorch sees no GPU here"


if reason := _missing():
    pytest.skip(reason, allow_module_level=True)


def _kernel(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Iterator[Kernel]:
    folder, home = tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("home")
    with Kernel(folder, home, environment) as kernel:
        kernel.ok("%load_ext nbprocess\nimport torch")
        yield kernel


@pytest.fixture(scope="module")
def with_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A notebook on a machine with a GPU."""
    yield from _kernel(tmp_path_factory, {})


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A notebook on a machine without one; its jobs see the GPU."""
    yield from _kernel(tmp_path_factory, {"CUDA_VISIBLE_DEVICES": ""})


GPU = "%%processing --env CUDA_VISIBLE_DEVICES=0\n"


def job(kernel: Kernel, code: str, line: str = "%%processing\n") -> Ran:
    return kernel.ok(line + textwrap.dedent(code), timeout=240)


def test_what_a_job_made_on_its_gpu_is_on_the_cpu_of_a_laptop(laptop: Kernel) -> None:
    laptop.ok("net = torch.nn.Linear(200, 300)\nparams = list(net.parameters())")
    ran = job(
        laptop,
        """
        net.cuda()
        x = torch.ones(4, 200, device="cuda")
        y = net(x)
        y.sum().backward()
        sparse = torch.eye(3, device="cuda").to_sparse()
        half = x.half()
        print(x.device, torch.cuda.get_device_name())
        """,
        GPU,
    )
    assert "cuda:0" in ran.stdout
    assert laptop.value("torch.cuda.is_available(), x.device.type, sparse.to_dense().sum().item(), half.dtype") == (
        "(False, 'cpu', 3.0, torch.float16)"
    )
    assert (
        laptop.value("torch.allclose(net(x.cpu()), y.detach(), atol=1e-3), net.weight is params[0]") == "(True, True)"
    )
    assert laptop.value("net.weight.device.type, net.weight.grad.device.type, net.weight.grad.sum().item()") == (
        "('cpu', 'cpu', 240000.0)"
    )
    said = str(ran.outputs)
    assert "it was on cuda:0, and there is none here: it is on the CPU" in said
    assert "`y`: part of an autograd graph" in said


def test_two_jobs_do_not_draw_the_same_on_their_gpu(laptop: Kernel) -> None:
    laptop.ok("torch.manual_seed(11)")
    job(laptop, "first = torch.rand(5, device='cuda')", GPU)
    job(laptop, "second = torch.rand(5, device='cuda')", GPU)
    job(laptop, "torch.manual_seed(11)\nboth = [torch.rand(5, device='cuda') for _ in range(2)]", GPU)
    assert laptop.value("torch.equal(first, both[0]), torch.equal(second, both[1])") == "(True, True)"


def test_a_notebook_with_a_gpu_gets_its_tensors_where_they_were(with_gpu: Kernel) -> None:
    with_gpu.ok(
        """
torch.manual_seed(5)
w = torch.zeros(100_000, device="cuda", requires_grad=True)
view, alias = w.detach()[:10], {"w": w}
optimizer = torch.optim.Adam([w], lr=0.1)
state = torch.cuda.get_rng_state(); here = torch.rand(3, device="cuda"); torch.cuda.set_rng_state(state)
"""
    )
    job(
        with_gpu,
        """
        loss = ((w - 1) ** 2).sum()
        loss.backward()
        optimizer.step()
        there = torch.rand(3, device="cuda")
        part = w.detach()[-5:]
        """,
    )
    assert with_gpu.value("w.device.type, alias['w'] is w, round(view[0].item(), 4), w.grad[0].item()") == (
        "('cuda', True, 0.1, -2.0)"
    )
    assert with_gpu.value("torch.equal(here, there), torch.equal(torch.rand(2, device='cuda'), here[:2])") == (
        "(True, False)"
    )
    assert with_gpu.value("part.device.type, part.data_ptr() == w.detach()[-5:].data_ptr()") == "('cuda', True)"
    with_gpu.ok("optimizer.step()")
    assert with_gpu.value("bool(w.detach()[0] > 0.1)") == "True", "the optimizer here goes on with what the job left"


def test_a_gpu_that_is_out_of_memory_raises_what_pytorch_raises(with_gpu: Kernel) -> None:
    ran = with_gpu.run("%%processing\nkept = 1\nbig = torch.empty(1 << 45, dtype=torch.uint8, device='cuda')", 240)
    assert ran.error == "OutOfMemoryError" and "Tried to allocate" in ran.message
    assert with_gpu.value("kept") == "1"


def test_the_views_get_the_gpus_figures(with_gpu: Kernel) -> None:
    job(
        with_gpu,
        """
        import time
        a = torch.rand(4096, 4096, device="cuda")
        until = time.time() + 8
        while time.time() < until:
            a = (a @ a).clamp(0, 1)
            torch.cuda.synchronize()
        del a
        """,
    )
    code = """
import nbprocess
found = nbprocess.jobs(limit=1)[0].metrics()
print(max(use.gpu or 0 for use in found), max(use.gpu_memory or 0 for use in found))
"""
    busy, memory = map(float, with_gpu.ok(code).stdout.split())
    assert busy > 20 and memory > 4096 * 4096 * 4


def test_arrays_of_cupy_and_jax(with_gpu: Kernel) -> None:
    for package, make in {"cupy": "cupy.arange(10)", "jax": "jax.numpy.arange(10)"}.items():
        if with_gpu.run(f"import {package}").error:
            continue
        with_gpu.ok(f"x = {make}")
        job(with_gpu, "y = x * 2")
        assert with_gpu.value("type(y) is type(x), int(y.sum())") == "(True, 90)", package
