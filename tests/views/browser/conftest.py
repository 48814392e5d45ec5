"""The fixtures of a live JupyterLab, for the browser tests of the views."""

from tests.browser_lab import browser, lab, page, profile, screenshots  # noqa: F401
