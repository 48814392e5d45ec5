"""Sessions, clients and resources of boto3: made again at the other end, which has credentials of its own (a job has
those of its role). Nothing of the credentials here is looked at but where they came from, and nothing of them is sent;
what was given keys by hand is refused.

May import: the standard library, this folder; boto3 inside the functions.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, Optional, Tuple

_OWN = "it has the other end's own credentials there: none are sent"
_CHAIN = {
    *("env", "iam-role", "container-role", "shared-credentials-file", "config-file", "custom-process", "login"),
    *("ec2-credentials-file", "boto-config", "assume-role", "assume-role-with-web-identity", "sso"),
}
"""How botocore's own search for credentials calls what it finds (``Credentials.method``); given keys are "explicit"."""
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_DEFAULTS = {"connect_timeout": 60, "read_timeout": 60, "max_pool_connections": 10, "s3": None, "retries": None}


def kind_of(kind: type) -> str:
    """Which of them its values are: "session", "client" or "resource"; empty for all other classes."""
    module = kind.__module__ or ""
    if module == "boto3.session" and kind.__name__ == "Session":
        return "session"
    if module.startswith("botocore.client") and any(base.__name__ == "BaseClient" for base in kind.__mro__):
        return "client"
    return "resource" if module == "boto3.resources.factory" else ""


def was_given_keys(obj: Any) -> bool:
    """Whether such an object has credentials that botocore did not find by itself."""
    what = kind_of(type(obj))
    holder = obj._session if what == "session" else (obj if what == "client" else obj.meta.client)._request_signer
    found = getattr(holder, "_credentials", None)
    return found is not None and getattr(found, "method", "") not in _CHAIN


def reduce_aws(pickler: Any, obj: Any) -> Any:
    """The reduction of such an object; NotImplemented where it was given keys."""
    what = kind_of(type(obj))
    if was_given_keys(obj):
        return NotImplemented
    if what == "session":
        made: Any = (make_session, (obj.region_name,))
    elif what == "client":
        made = (make_client, _facts(obj))
    else:
        values = tuple(getattr(obj, "_" + name, None) for name in obj.meta.identifiers)
        if not all(isinstance(value, str) for value in values):
            return NotImplemented
        made = (make_resource, (type(obj).__name__.partition(".")[2], values, *_facts(obj.meta.client)))
    pickler.losses.add(_OWN)
    return made


def _facts(client: Any) -> Tuple[str, Optional[str], Optional[str], Dict[str, Any]]:
    """Service, region, the endpoint where it is none of AWS, and the settings that are not the usual ones."""
    meta = client.meta
    host = meta.endpoint_url.partition("://")[2].partition("/")[0]
    endpoint = None if host.endswith(_AWS) else meta.endpoint_url
    settings = {
        name: found for name, usual in _DEFAULTS.items() if (found := getattr(meta.config, name, usual)) != usual
    }
    if "UNSIGNED" in repr(meta.config.signature_version):
        settings["unsigned"] = True
    return meta.service_model.service_name, meta.region_name, endpoint, settings


def make_session(region: Optional[str]) -> Any:
    """A session with this end's credentials."""
    boto3: Any = importlib.import_module("boto3")
    return boto3.Session(region_name=region)


def make_client(service: str, region: Optional[str], endpoint: Optional[str], settings: Dict[str, Any]) -> Any:
    """A client with this end's credentials."""
    boto3: Any = importlib.import_module("boto3")
    return boto3.client(service, region_name=region, endpoint_url=endpoint, config=_config(settings))


def make_resource(name: str, identifiers: Tuple[str, ...], service: str, *facts: Any) -> Any:
    """A resource with this end's credentials: of a service, or what it calls by that name (a bucket)."""
    boto3: Any = importlib.import_module("boto3")
    region, endpoint, settings = facts
    made = boto3.resource(service, region_name=region, endpoint_url=endpoint, config=_config(settings))
    return made if name == "ServiceResource" else getattr(made, name)(*identifiers)


def _config(settings: Dict[str, Any]) -> Any:
    botocore: Any = importlib.import_module("botocore")
    config: Any = importlib.import_module("botocore.config")
    given = dict(settings)
    if given.pop("unsigned", False):
        given["signature_version"] = botocore.UNSIGNED
    return config.Config(**given) if given else None
