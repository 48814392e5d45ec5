"""A widget, and beside it the HTML for those who have no kernel: two outputs of a cell, of which a page shows one.

JupyterLab shows a saved widget as "model not found" once its kernel is gone, whatever else the same output holds. So
the HTML is an output of its own, before the widget's, and hides that one where it shows nothing of ours; where the
widget is shown, it hides the HTML.
May import: the standard library.
"""

from __future__ import annotations

import os
import sys

_SAVED, _OUTPUT, _LIVE = ".jp-OutputArea-child:has(.nbp-saved)", ".jp-OutputArea-child", ":is(.nbp-card, .nbp-browser)"
_EITHER = f"<style>{_SAVED}:has(+ {_OUTPUT} {_LIVE}), {_SAVED} + {_OUTPUT}:not(:has({_LIVE})) {{display: none}}</style>"

GONE = f"<style>{_OUTPUT}:has(.nbp-gone) {{display: none}}</style><span class='nbp-gone'></span>"
"""What replaces a widget whose HTML says all there is to say."""


def saved(html: str) -> str:
    """``html`` as the output that stands before a widget's."""
    return f'<div class="nbp-saved">{_EITHER}{html}</div>'


def pages_have_siblings() -> bool:
    """Whether the outputs of a cell lie in one document, as in JupyterLab and Notebook; not in VS Code and Colab."""
    from IPython import get_ipython

    names = getattr(get_ipython(), "user_ns", {})  # type: ignore[no-untyped-call]
    return "JPY_SESSION_NAME" in os.environ and "__vsc_ipynb_file__" not in names and "google.colab" not in sys.modules
