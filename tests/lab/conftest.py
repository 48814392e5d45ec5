"""A live JupyterLab that has the checkout's own built sidebar and server extension, whatever is installed."""

from tests.browser_lab import browser, lab, page, profile, screenshots

__all__ = ["browser", "lab", "page", "profile", "screenshots"]
