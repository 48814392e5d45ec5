"""The widgets on a page that has nothing but what anywidget's protocol gives: VS Code and Colab are no more than that."""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprocess.views.card import JobCard
from nbprocess.views.jobbrowserwidget import JobBrowser
from tests.axe import serious_violations
from tests.views.fake_job import running
from tests.views.fake_source import FakeSource

pytestmark = pytest.mark.browser

# A model as anywidget's front-end protocol describes it, over a function that stands for the kernel.
RENDER = """async ({code, style, state}) => {
  const heard = [];
  const model = {
    get: (name) => state[name], set: () => {}, save_changes: () => {}, off: () => {},
    on: (event, callback) => { if (event === 'msg:custom') heard.push(callback); },
    send: (content) => { void window.kernel(content); },
  };
  setInterval(async () => {
    for (const message of await window.kernel(null)) heard.forEach((f) => f(message, []));
  }, 50);
  document.head.append(Object.assign(document.createElement('style'), {textContent: style}));
  const el = document.body.appendChild(document.createElement('div'));
  const module = await import(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
  await module.default.render({model, el});
}"""


@pytest.fixture(params=["light", "dark"])
def bare(profile: Any, request: pytest.FixtureRequest) -> Any:
    page = profile.new_page()
    page.set_default_timeout(60_000)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto("about:blank")
    page.evaluate(
        "([back, text]) => { Object.assign(document.body.style, {background: back, color: text}); }",
        {"light": ["#ffffff", "#1f1f1f"], "dark": ["#1e1e1e", "#cccccc"]}[request.param],
    )
    yield page
    page.close()


def answering(widget: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Takes a message of the page, or, for None, gives it what the widget has sent since."""
    sent: queue.SimpleQueue[Any] = queue.SimpleQueue()
    monkeypatch.setattr(type(widget), "send", lambda self, content, buffers=None: sent.put(content))

    def kernel(content: Any) -> list[Any]:
        if content is not None:
            widget.receive(content)
            return []
        waiting = []
        while not sent.empty():
            waiting.append(sent.get())
        return waiting

    return kernel


def test_the_job_view(
    bare: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, screenshots: Path
) -> None:
    card = JobCard(running())
    try:
        bare.expose_function("kernel", answering(card, monkeypatch))
        card.pull()
        state = card.get_state()
        shown = {key: state[key] for key in ("state", "waiting", "kernel_id")}
        bare.evaluate(RENDER, {"code": state["_esm"], "style": state["_css"], "state": shown})
        bare.locator(".nbp-card .nbp-word", has_text="Running").wait_for()
        bare.locator(".nbp-log-row", has_text="loading 336,776 flights").wait_for()
        bare.screenshot(path=str(screenshots / f"bare-job-{request.node.callspec.id}.png"))
        assert serious_violations(bare, ".nbp-card") == []
        assert bare.problems == []
    finally:
        card.close()


def test_the_job_browser(
    bare: Any, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, screenshots: Path
) -> None:
    browser = JobBrowser(FakeSource(300))
    try:
        bare.expose_function("kernel", answering(browser, monkeypatch))
        state = browser.get_state()
        bare.evaluate(RENDER, {"code": state["_esm"], "style": state["_css"], "state": {}})
        bare.locator(".nbp-browser .nbp-row[data-number='0']", has_text="-00300").wait_for()
        bare.locator(".nbp-row[data-number='0']").click()
        bare.get_by_label("Job details").get_by_role("tab", name="Overview").wait_for()
        bare.screenshot(path=str(screenshots / f"bare-browser-{request.node.callspec.id}.png"))
        assert serious_violations(bare, ".nbp-browser") == []
        assert bare.problems == []
    finally:
        browser.close()
