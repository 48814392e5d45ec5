"""HoloViews in a notebook: which of its plotting backends were loaded (``hv.extension("bokeh")``), and which one draws;
and Panel's extension. The page has their scripts already: what loading them shows is left out.

May import: the standard library; IPython where the notebook has loaded such a backend.
"""

from __future__ import annotations

import contextlib

TYPE_CHECKING = False  # typing is not imported at run time: it takes milliseconds
if TYPE_CHECKING:
    from typing import Any


def collect(module: Any) -> dict[str, Any]:
    """The backends, the one that draws first; empty where none was loaded.

    Args:
        module: ``holoviews``.
    """
    if not getattr(getattr(module, "extension", None), "_loaded", False):
        return {}
    current = module.Store.current_backend
    return {"backends": [current, *(name for name in module.Store.loaded_backends() if name != current)]}


def apply(module: Any, state: Any) -> list[str]:
    """Load the backends that the other end has. Returns what cannot be loaded here, as lines for the person."""
    backends = state.get("backends") or []
    now = collect(module).get("backends") or []
    if backends == now or not backends:
        return []
    if set(backends) - set(now):
        failed = _unloaded(module, f"HoloViews cannot load {', '.join(backends)}", backends, logo=False)
        if failed:
            return failed
    with contextlib.suppress(ValueError):
        module.Store.set_current_backend(backends[0])
    return []


def collect_panel(module: Any) -> dict[str, Any]:
    """The extensions of Panel that were loaded; empty where its own was not.

    Args:
        module: ``panel``.
    """
    extension = getattr(module, "extension", None)
    loaded = getattr(extension, "_loaded", False)
    return {"extensions": list(dict.fromkeys(extension._loaded_extensions))} if loaded else {}  # type: ignore[union-attr]


def apply_panel(module: Any, state: Any) -> list[str]:
    """Load the extensions that the other end has. Returns what cannot be loaded here, as lines for the person."""
    if not state or collect_panel(module) == state:
        return []
    return _unloaded(module, "Panel's extension cannot be loaded", state["extensions"])


def _unloaded(module: Any, failure: str, names: Any, **options: Any) -> list[str]:
    """Load a library's extension without what that shows. Returns a line for the person if it cannot be."""
    from IPython.utils.capture import capture_output

    try:
        with capture_output():
            module.extension(*names, **options)
    except Exception as error:  # whatever a plotting library may raise that is another one here
        return [f"{failure} here ({error})"]
    return []
