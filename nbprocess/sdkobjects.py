"""Objects of the SageMaker SDK, v2 and v3, as options: its processors, ProcessingInput and ProcessingOutput.

They are known by what they have; the SDK is never imported.
May import: ``options``, ``channels``, ``catalog``, ``errors``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import channels
from .errors import OptionError
from .options import OBJECTS, TABLE, flag, from_environment

_PROCESSOR = {
    "role": "role",
    "image_uri": "image",
    "instance_count": "count",
    "volume_size_in_gb": "volume",
    "volume_kms_key": "volume_kms_key",
    "output_kms_key": "kms_key",
    "max_runtime_in_seconds": "timeout",
    "env": "env",
}
"""Attribute of a processor → option. Both versions of the SDK have the same names."""


def expand(given: Mapping[str, Any], namespace: Mapping[str, Any], *, code: bool = True) -> dict[str, Any]:
    """Options with ``processor``, ``inputs`` and ``outputs`` replaced by what they stand for.

    Args:
        given: options of the line or of a Python call; the three as the name of a variable, or as the object itself.
        namespace: where names are looked up.
        code: a cell or script runs, so that the processor's own entrypoint does not.

    Raises:
        OptionError: there is no such variable, or it is none of these objects.
    """
    named = from_environment()
    given = {**{name: named[name][0] for name in OBJECTS if name in named}, **given}
    values = {name: value for name, value in given.items() if name not in OBJECTS}
    for name, one, entry in (("inputs", "input", channels.input_entry), ("outputs", "output", channels.output_entry)):
        if given.get(name) is None:
            continue
        found = _channels(_object(name, given[name], namespace), name)
        for key, value in found:
            try:
                channels.check_name(key)
                entry(key, value)
            except ValueError as error:
                raise OptionError(f"{flag(name)}: {key} {error}.") from None
        values[one] = (*_pairs(one, values.get(one, ())), *found)
    if given.get("processor") is not None:
        own = options_of(_object("processor", given["processor"], namespace), code=code)
        if any(values.get(wish) for wish in ("gpu", "cpus", "memory", "instance")):
            own.pop("instance", None)
        if values.get("framework"):
            own.pop("framework", None)
            own.pop("image", None)
        if values.get("image"):
            own.pop("framework", None)
        for name in ("env", "tag"):
            if name in own and values.get(name):
                own[name] = {**own[name], **dict(_pairs(name, values[name]))}
                values.pop(name)
        values = {**own, **values}
    return values


def _pairs(name: str, given: Any) -> tuple[Any, ...]:
    from .options import parse_value

    return tuple(parse_value(name, given)) if given else ()


def _object(name: str, given: Any, namespace: Mapping[str, Any]) -> Any:
    if not isinstance(given, str):
        return given
    if given in namespace:
        return namespace[given]
    if not given.isidentifier():
        raise OptionError(f"{flag(name)} {given[:60]}: give the name of a variable, without $ or braces.")
    raise OptionError(f"{flag(name)} {given}: there is no variable of that name. {TABLE[name].help.split('.')[0]}.")


# -- a processor -----------------------------------------------------------------------------------------------------


def options_of(processor: Any, *, code: bool = True) -> dict[str, Any]:
    """What a processor says, as options. ``code``: see ``expand``.

    Raises:
        OptionError: it is no processor.
    """
    if not hasattr(processor, "image_uri") or not hasattr(processor, "instance_count"):
        raise OptionError(
            f"--processor: a {type(processor).__name__} is no processor of the SageMaker SDK; it must have role, "
            "image_uri, instance_type and instance_count, as Processor and ScriptProcessor do."
        )
    found: dict[str, Any] = {}
    for attribute, option in _PROCESSOR.items():
        value = getattr(processor, attribute, None)
        if value:
            found[option] = _plain(attribute, value)
    preferences = getattr(processor, "instance_preferences", None)
    kinds = [_get(item, "instance_type", "InstanceType") for item in preferences or ()]
    kinds = kinds or [kind for kind in [getattr(processor, "instance_type", None)] if kind is not None]
    if kinds:
        found["instance"] = tuple(str(_plain("instance_type", kind)) for kind in kinds)
        if found["instance"][0] in ("local", "local_gpu"):  # the SDK's local mode
            found["backend"] = "local"
            del found["instance"]
    if getattr(processor, "tags", None):
        found["tag"] = dict(_tag(item) for item in _listed(processor.tags))
    network = getattr(processor, "network_config", None)
    if network is not None:
        found.update(_network(network))
    region = getattr(getattr(processor, "sagemaker_session", None), "boto_region_name", None)
    if isinstance(region, str):
        found["region"] = region
    if _is_spark(processor):
        found["framework"] = "spark"
        if getattr(processor, "_spark_event_logs_s3_uri", None):
            found["spark_event_logs"] = processor._spark_event_logs_s3_uri
    command = [str(word) for word in getattr(processor, "command", None) or ()]
    if command and not _is_spark(processor) and not command[0].rpartition("/")[2].startswith("python"):
        found["command"] = command
    if not code and getattr(processor, "entrypoint", None):
        found["entrypoint"] = [str(word) for word in processor.entrypoint]
    if not code and getattr(processor, "arguments", None):
        found["arg"] = [str(word) for word in processor.arguments]
    return found


def _plain(attribute: str, value: Any) -> Any:
    if isinstance(value, (str, int, float, Mapping)):
        return value
    # A pipeline variable has no value before the pipeline runs.
    raise OptionError(
        f"--processor: its {attribute} is a {type(value).__name__}, which has no value here (a pipeline variable?). "
        "Give it on the line."
    )


def _is_spark(processor: Any) -> bool:
    from .catalog import framework_of

    command = getattr(processor, "command", None) or ()
    return bool(command and command[0] == "smspark-submit") or framework_of(str(processor.image_uri)) == "spark"


def _listed(tags: Any) -> list[Any]:
    return list(tags.items()) if isinstance(tags, Mapping) else list(tags)


def _tag(item: Any) -> tuple[str, str]:
    if isinstance(item, tuple):
        return str(item[0]), str(item[1])
    return str(_get(item, "Key", "key")), str(_get(item, "Value", "value"))


def _network(network: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if getattr(network, "enable_network_isolation", None) is True:
        found["network_isolation"] = True
    for attribute in ("encrypt_inter_container_traffic", "enable_inter_container_traffic_encryption"):
        if getattr(network, attribute, None) is True:
            found["encrypt_traffic"] = True
    vpc = getattr(network, "vpc_config", None)  # v3's shapes have it, its and v2's NetworkConfig do not
    subnets = getattr(network, "subnets", None) or getattr(vpc, "subnets", None)
    groups = getattr(network, "security_group_ids", None) or getattr(vpc, "security_group_ids", None)
    if subnets and groups:
        found["subnets"], found["security_groups"] = tuple(map(str, subnets)), tuple(map(str, groups))
    return found


# -- inputs and outputs ----------------------------------------------------------------------------------------------


def _channels(given: Any, option: str) -> list[tuple[str, Any]]:
    """(name, text or dict of the API) of each entry of a list or dict."""
    if isinstance(given, Mapping) and not {"InputName", "OutputName"} & set(given):
        return [(str(name), _value(value)) for name, value in given.items()]
    if not isinstance(given, (list, tuple)):
        given = [given]
    found = []
    for index, item in enumerate(given):
        member = "InputName" if option == "inputs" else "OutputName"
        value = dict(item) if isinstance(item, Mapping) else _shape(item, option)
        name = value.get(member) or f"{option[:-1]}-{index + 1}"  # as the SDK numbers them
        found.append((str(name), {key: part for key, part in value.items() if key != member}))
    return found


def _value(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value if isinstance(value, str) else str(value)


def _shape(item: Any, option: str) -> dict[str, Any]:
    """An object of the SDK as the dict of the API."""
    if option == "inputs" and (_has(item, "s3_input") or _has(item, "source") or _has(item, "dataset_definition")):
        return _input(item)
    if option == "outputs" and (
        _has(item, "s3_output") or _has(item, "feature_store_output") or hasattr(item, "source")
    ):
        return _output(item)
    raise OptionError(
        f"{flag(option)}: a {type(item).__name__} is no ProcessingInput or ProcessingOutput of the SageMaker SDK. "
        "Give a list of these, or a dict of names and places."
    )


def _input(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"InputName": _get(item, "input_name")}
    if _has(item, "dataset_definition"):
        found["DatasetDefinition"] = _camel(item.dataset_definition)
    elif _has(item, "s3_input"):
        found["S3Input"] = _camel(item.s3_input)
    else:
        found["S3Input"] = {
            "S3Uri": str(item.source),
            "LocalPath": item.destination,
            "S3DataType": item.s3_data_type,
            "S3InputMode": item.s3_input_mode,
            "S3DataDistributionType": item.s3_data_distribution_type,
        }
        found["S3Input"] = {key: value for key, value in found["S3Input"].items() if value}
    if _get(item, "app_managed") is True:
        found["AppManaged"] = True
    return found


def _output(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"OutputName": _get(item, "output_name")}
    if _has(item, "feature_store_output"):
        found["FeatureStoreOutput"] = _camel(item.feature_store_output)
    elif _has(item, "s3_output"):
        found["S3Output"] = _camel(item.s3_output)
    else:
        inner = {
            "S3Uri": getattr(item, "destination", None) or "",
            "LocalPath": item.source,
            "S3UploadMode": item.s3_upload_mode,
        }
        found["S3Output"] = {key: value for key, value in inner.items() if value is not None}
    if _get(item, "app_managed") is True:
        found["AppManaged"] = True
    return found


_ACRONYMS = {"s3": "S3", "arn": "Arn", "kms": "Kms", "uri": "Uri", "id": "Id", "db": "Db"}


def _camel(shape: Any) -> dict[str, Any]:
    """A shape's attributes in the API's spelling; what was not set is left out."""
    fields = getattr(type(shape), "model_fields", None) or vars(shape)
    found: dict[str, Any] = {}
    for name in fields:
        if name.startswith("_") or not _has(shape, name):
            continue
        value = getattr(shape, name)
        key = "".join(_ACRONYMS.get(part, part[:1].upper() + part[1:]) for part in name.split("_"))
        if not isinstance(value, (str, int, float, bool)):
            value = _camel(value)
        elif key == "S3CompressionType" and value == "None":
            continue  # the service's default
        found[key] = value
    return found


def _has(item: Any, name: str) -> bool:
    """Whether an attribute is there and set: v3 marks what is not with an object of the class Unassigned."""
    value = getattr(item, name, None)
    return value is not None and type(value).__name__ != "Unassigned"


def _get(item: Any, *names: str) -> Any:
    for name in names:
        if isinstance(item, Mapping):
            if item.get(name) is not None:
                return item[name]
        elif _has(item, name):
            return getattr(item, name)
    return None
