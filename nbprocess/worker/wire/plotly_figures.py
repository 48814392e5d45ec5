"""Figures of plotly, and their parts: a trace or an axis belongs to its figure and is found in it at the other end.

May import: the standard library, this folder.
"""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Tuple

_CHILDREN = ("_compound_props", "_compound_array_props")


def is_plotted(kind: type) -> bool:
    """Whether it is a figure of plotly or a part of one."""
    return hasattr(kind, "_get_child_props") and (kind.__module__ or "").split(".")[0] == "plotly"


def _is_figure(obj: Any) -> bool:
    return hasattr(obj, "add_trace")


def reduce_plotted(obj: Any) -> Any:
    """The reduction of a figure, with its arrays as they are (plotly's own makes texts of them) and its keys in order;
    of a part: by its place; of a part without a figure: its properties."""
    root, path = _place(obj)
    if path:
        return find, (root, path)
    if not _is_figure(obj):
        return make_part, (type(obj), dict(obj._props or {}))
    frames = [frame.to_plotly_json() for frame in obj._frame_objs]
    props = {"data": list(obj._data), "layout": obj._layout, "frames": frames}
    for name in ("_grid_str", "_grid_ref"):
        props[name] = getattr(obj, name, None)
    order = _order(obj._layout), [_order(trace) for trace in obj._data]
    return make_figure, (type(obj), props, order, [vars(trace).get(_ORIGIN) for trace in obj._data_objs])


def is_part(obj: Any) -> bool:
    """Whether it belongs to a figure or to a larger part, which tells what changed."""
    return is_plotted(type(obj)) and bool(_place(obj)[1])


def _place(obj: Any) -> Tuple[Any, List[Any]]:
    """What an object belongs to, and the way to it from there; itself and no way, when that is nothing."""
    part: Any = obj
    path: List[Any] = []
    while not _is_figure(part) and getattr(part, "_parent", None) is not None:
        step = _step(part._parent, part)
        if step is None:
            return obj, []
        path.insert(0, step)
        part = part._parent
    return part, path


def _step(parent: Any, part: Any) -> Any:
    if _is_figure(parent):
        if part is parent._layout_obj:
            return "layout"
        lists = [(name, getattr(parent, name)) for name in ("_data_objs", "_frame_objs")]
    elif parent._compound_props.get(part._plotly_name) is part:
        return part._plotly_name
    else:
        lists = [(part._plotly_name, parent._compound_array_props.get(part._plotly_name) or ())]
    for name, parts in lists:
        for index, found in enumerate(parts):
            if found is part:
                return name, index, len(parts), type(part)
    return None


_AWAITED = "_nbprocess_awaited"
"""An attribute of figures: parts that something refers to and that come with the figure's changes."""


def find(root: Any, path: List[Any]) -> Any:
    """The part at that place. Where this end has more or fewer, it comes with the changes."""
    part = root
    for number, step in enumerate(path):
        if isinstance(step, str):
            part = part[step]
            continue
        name, index, count, kind = step
        there = _parts(part, name)
        if len(there) == count and type(there[index]) is kind:
            part = there[index]
        else:
            awaited = vars(root).setdefault(_AWAITED, {})
            part = awaited.setdefault(tuple(path[: number + 1]), kind())
    return part


def _parts(holder: Any, name: str) -> Any:
    return getattr(holder, name) if name.startswith("_") else holder[name] or ()


def _put(root: Any, path: Any, part: Any) -> None:
    """Let a part that was awaited be the one at its place."""
    name, index, _, kind = path[-1]
    holder = find(root, path[:-1])
    there = list(_parts(holder, name))
    if index >= len(there) or type(there[index]) is not kind:
        return
    _adopt(part, there[index])
    part._parent, there[index] = holder, part
    part._orphan_props.clear()
    if name.startswith("_"):
        setattr(holder, name, tuple(there))
    else:
        holder._compound_array_props[name] = tuple(there)


def make_part(kind: Any, props: Dict[str, Any]) -> Any:
    """A part without a figure."""
    made = kind()
    made._orphan_props.clear()
    made._orphan_props.update(props)
    return made


_ORIGIN, _ORIGINS = "_nbprocess_origin", "_nbprocess_origins"
"""An attribute of traces: the place that they had when their figure came here; and of a figure that is made of a
changed one: those of its traces."""


def make_figure(kind: Any, props: Dict[str, Any], order: Any, origins: Any) -> Any:
    """A figure with these properties."""
    made = kind(props)
    _arrange(made._layout, order[0])
    _arrange(made._data, order[1])
    vars(made)[_ORIGINS] = origins
    for place, trace in enumerate(made._data_objs):
        vars(trace)[_ORIGIN] = place
    return made


def _order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _order(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(part, (dict, list)) for part in value):
        return [_order(part) for part in value]
    return None


def _arrange(value: Any, order: Any) -> None:
    if isinstance(value, dict) and isinstance(order, dict):
        for key, inner in order.items():
            if key in value:
                value[key] = value.pop(key)
                _arrange(value[key], inner)
    elif isinstance(value, (list, tuple)) and isinstance(order, list):
        for part, inner in zip(value, order):
            _arrange(part, inner)


def take_over(obj: Any, new: Any) -> None:
    """Give a figure, or a part without one, what another one has; traces and parts at the same place stay the same."""
    if not _is_figure(obj):
        _adopt(obj, new)
        return
    awaited = vars(obj).pop(_AWAITED, {})
    traces = _merge(obj._data_objs, new._data_objs, obj, vars(new).pop(_ORIGINS, None))
    for trace in obj._data_objs:
        if not any(trace is kept for kept in traces):
            _let_go(trace)
    layout, frames = obj._layout_obj, _merge(obj._frame_objs, new._frame_objs, obj)
    _adopt(layout, new._layout_obj)
    vars(obj).update(vars(new), _layout_obj=layout)
    obj._data_objs, obj._frame_objs = tuple(traces), tuple(frames)
    for path in sorted(awaited, key=len):
        _put(obj, list(path), awaited[path])


def _let_go(part: Any) -> None:
    """As plotly has it: a part that is taken out keeps its properties."""
    part._orphan_props.update(copy.deepcopy(part._props or {}))
    part._parent = None


def _merge(old: Any, new: Any, parent: Any, origins: Any = None) -> List[Any]:
    merged = []
    for index, part in enumerate(new):
        place = index if origins is None else origins[index]  # None: it is a new one
        if place is not None and place < len(old) and type(old[place]) is type(part):
            _adopt(old[place], part)
            part = old[place]
        part._parent = parent
        merged.append(part)
    return merged


def _adopt(old: Any, new: Any) -> None:
    """What lies in a part is in the dicts of its figure: it only has its own parts, and how it is called."""
    single, several = (dict(getattr(old, name)) for name in _CHILDREN)
    for name, part in new._compound_props.items():
        if part is not None:
            single[name] = _merge([single.get(name)], [part], old)[0]
    for name, parts in new._compound_array_props.items():
        known = several.get(name) or ()
        if parts is not None and len(parts) != len(known):  # to add one, plotly makes all anew
            for part in known:
                _let_go(part)
            known = ()
        several[name] = tuple(_merge(known, parts, old)) if parts is not None else None
    rest = {name: value for name, value in vars(new).items() if name not in (*_CHILDREN, "_parent")}
    vars(old).update(rest, _compound_props=single, _compound_array_props=several)
