"""One HTTP endpoint for all services: control plane by header or form, everything else is S3."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ..s3_requests import Handler as S3Handler
from .control import Control, Refused
from .services import ACCOUNT, offers, role, simulated
from .wire import from_cbor, from_form, to_cbor, to_xml

_STS = "https://sts.amazonaws.com/doc/2011-06-15/"
_IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
_CLOUDWATCH = "http://monitoring.amazonaws.com/doc/2010-08-01/"


class Handler(S3Handler):
    """Dispatches to ``Control``; ``control`` is set on a subclass."""

    control: Control

    def do_GET(self) -> None:
        prices = re.fullmatch(r"/offers/v1.0/aws/AmazonSageMaker/current/([\w-]+)/index.json", self.path)
        if prices:
            self._raw(200, "application/json", json.dumps(offers(prices[1])).encode())
        elif self.path == "/credentials":
            ends = datetime.now(timezone.utc) + timedelta(hours=6)
            keys = {"AccessKeyId": "emulator", "SecretAccessKey": "emulator", "Token": "of-the-role"}
            keys["Expiration"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
            self._raw(200, "application/json", json.dumps(keys).encode())
        else:
            super().do_GET()

    def do_POST(self) -> None:
        target = self.headers.get("X-Amz-Target")
        kind = self.headers.get("Content-Type", "")
        if target:
            self._json(target.partition(".")[2])
        elif self.headers.get("smithy-protocol") == "rpc-v2-cbor":
            self._cbor(self.path.rpartition("/")[2])
        elif kind.startswith("application/x-www-form-urlencoded"):
            self._query()
        else:
            super().do_GET()

    def _authorise_caller(self) -> None:
        """Keys that the buckets do not take, nothing else takes. Raises Refused."""
        signed = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        keys = self.server_state.access_keys
        if signed and keys is not None and signed[1] not in keys:
            raise Refused("ExpiredTokenException", "The security token included in the request is expired", 403)

    def _json(self, operation: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.control.faults.reset():
            self.close_connection = True
            self.connection.close()
            return
        try:
            self._authorise_caller()
            answer = self.control.call(operation, json.loads(body or b"{}"))
        except Refused as refused:
            self._reply(refused.status, {"__type": refused.code, "message": str(refused)}, refused.code)
            return
        if operation == "CreateProcessingJob" and self.control.faults.lose():
            self.close_connection = True
            self.connection.close()
            return
        self._reply(200, answer)

    def _reply(self, status: int, answer: object, code: str = "") -> None:
        data = json.dumps(answer).encode()
        self._raw(status, "application/x-amz-json-1.1", data, code)

    def _raw(
        self, status: int, kind: str, data: bytes, code: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if code:
            self.send_header("x-amzn-ErrorType", code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _cbor(self, operation: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, code = 200, ""
        try:
            self._authorise_caller()
            answer = self.control.call(operation, from_cbor(body) if body else {})
        except Refused as refused:
            status, code, answer = refused.status, refused.code, {"__type": refused.code, "message": str(refused)}
        self._raw(status, "application/cbor", to_cbor(answer), code, {"smithy-protocol": "rpc-v2-cbor"})

    def _query(self) -> None:
        """STS and IAM speak forms and XML, and so does CloudWatch with an older boto3."""
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        action, faults = form.get("Action", [""])[0], self.control.faults
        try:
            self._authorise_caller()
        except Refused as refused:
            error = f"<Error><Code>ExpiredToken</Code><Message>{refused}</Message></Error>"
            self._raw(403, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode())
            return
        if faults.clock_skew:
            error = "<Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired: the clock</Message></Error>"
            self._raw(403, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode())
            return
        if action == "GetCallerIdentity":
            arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/nbprocess/emulator"
            inner, space = f"<Arn>{arn}</Arn><UserId>emulator</UserId><Account>{ACCOUNT}</Account>", _STS
        elif action == "GetRole" and not faults.no_role and action not in faults.denied:
            inner, space = role(escape(form.get("RoleName", [""])[0]), not faults.no_trust), _IAM
        elif action == "SimulatePrincipalPolicy" and action not in faults.denied:
            asked, resource = (escape(form.get(f"{key}.member.1", [""])[0]) for key in ("ActionNames", "ResourceArns"))
            # The role's policy is that of AmazonSageMakerFullAccess: PassRole to SageMaker only.
            to = form.get("ContextEntries.member.1.ContextKeyValues.member.1", [""])[0]
            allowed = "allowed" if to == "sagemaker.amazonaws.com" else "implicitDeny"
            inner, space = simulated(asked, resource, "explicitDeny" if faults.no_pass else allowed), _IAM
        elif action == "GetMetricData":
            try:
                inner, space = to_xml(self.control.call(action, from_form(form))), _CLOUDWATCH
            except Refused as refused:
                error = f"<Error><Code>{refused.code}</Code><Message>{escape(str(refused))}</Message></Error>"
                self._raw(refused.status, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode())
                return
        else:
            code, status = "InvalidAction", 400
            if action in faults.denied:
                code, status = "AccessDenied", 403
            elif action == "GetRole":
                code, status = "NoSuchEntity", 404
            error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(action)}</Message></Error>"
            self._raw(status, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode())
            return
        text = f'<{action}Response xmlns="{space}"><{action}Result>{inner}</{action}Result></{action}Response>'
        self._raw(200, "text/xml", text.encode())
