"""Clients of AWS: one for each service and process, which never repeats a request by itself. Read next: channels/sms_aws.py, sqs.py."""

import hmac
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from channels_ace.channel import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, provider_settings

if TYPE_CHECKING:
    from botocore.config import Config


class NotConfigured(Exception):
    """No client could be built, so nothing was sent."""


def client(service: str) -> Any:
    """This function will give the client of a service (a name of boto3's) for the settings of AWS. Raises NotConfigured."""
    try:
        return _client_of_process(os.getpid(), service, *_options())
    except Exception as error:
        raise NotConfigured(type(error).__name__) from error


def line(service: str) -> "Line":
    """This function will give the line to a service that speaks JSON, for the settings of AWS. Raises NotConfigured."""
    asked = client(service)
    try:
        return _line_of_process(os.getpid(), asked, *_options()[2:])
    except Exception as error:
        raise NotConfigured(type(error).__name__) from error


def _options() -> tuple[Any, ...]:
    aws = provider_settings("AWS")
    return (
        aws.get("region_name") or None,
        aws.get("endpoint_url") or None,
        aws.get("access_key_id") or None,
        aws.get("secret_access_key") or None,
        float(aws.get("timeout_seconds", READ_TIMEOUT_SECONDS)),
    )


@cache
def _client_of_process(
    _pid: int, service: str, region: str | None, url: str | None, key: str | None, secret: str | None, timeout: float
) -> Any:
    # Imported here, since boto3 costs a process some 46 MiB, and the web process never sends.
    import boto3
    from botocore.config import Config

    config = asking_once(Config(read_timeout=timeout))
    session: Any = boto3.session.Session()
    return session.client(service, region_name=region, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, config=config)


def asking_once(config: "Config") -> "Config":
    """This function will give a client's configuration with our timeouts where it names none, and without repeats.

    With its defaults the library sends up to three times when the answer is slow, and waits a minute for it.
    """
    from botocore.config import Config

    patience = Config(connect_timeout=CONNECT_TIMEOUT_SECONDS, read_timeout=READ_TIMEOUT_SECONDS)
    once: Config = patience.merge(config).merge(Config(retries={"total_max_attempts": 1, "mode": "standard"}))
    return once


class Line:
    """A service that speaks JSON, over connections of our own: one request a call, in a third of the time that its client takes.

    Where a proxy stands between, the client is what is asked.
    """

    def __init__(self, client: Any, key: str | None, secret: str | None, timeout: float) -> None:
        import botocore.session
        from botocore.httpsession import get_cert_path
        from botocore.utils import get_environ_proxies
        from urllib3 import PoolManager, Timeout

        self._client = client
        known = client.meta.service_model
        url = urlsplit(client.meta.endpoint_url)
        self._path = f"{url.path.rstrip('/')}/"
        session = botocore.session.get_session()
        if key and secret:
            session.set_credentials(key, secret)
        self._credentials: Any = session.get_credentials()
        self._service, self._region = known.signing_name, client.meta.region_name
        self._content, self._agent = f"application/x-amz-json-{known.metadata['jsonVersion']}", client.meta.config.user_agent
        self._target = known.metadata["targetPrefix"]
        self._host = url.netloc.removesuffix({"http": ":80", "https": ":443"}[url.scheme])
        self._is_direct = not get_environ_proxies(client.meta.endpoint_url) and not client.meta.config.proxies
        bundle = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        self._pool = PoolManager(
            timeout=Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=timeout),
            cert_reqs="CERT_REQUIRED",
            ca_certs=bundle or get_cert_path(True),
        ).connection_from_url(client.meta.endpoint_url)

    def ask(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """This method will give the answer to an operation ("SendTextMessage"). Raises what the client raises, or what urllib3 does."""
        from botocore.exceptions import NoCredentialsError

        if not self._is_direct:
            method = next(name for name, known in self._client.meta.method_to_api_mapping.items() if known == operation)
            given: Mapping[str, Any] = getattr(self._client, method)(**parameters)
            return given
        if self._credentials is None:
            raise NoCredentialsError
        body = json.dumps(parameters).encode()
        answer = self._pool.urlopen(
            "POST",
            self._path,
            body=body,
            headers=self._signed(f"{self._target}.{operation}", body, datetime.now(UTC)),
            retries=False,
            redirect=False,
            assert_same_host=False,
        )
        if answer.status >= 300:
            raise _refusal(operation, answer)
        read: Mapping[str, Any] = json.loads(answer.data)
        return read

    def _signed(self, target: str, body: bytes, now: datetime) -> dict[str, str]:
        """This method will give the headers of a request, with its signature (version 4, IAM user guide, "Create a signed request")."""
        keys = self._credentials.get_frozen_credentials()
        said = {"content-type": self._content, "host": self._host, "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}", "x-amz-target": target}
        if keys.token:
            said["x-amz-security-token"] = keys.token
        names = sorted(said)
        lines = "".join(f"{name}:{said[name]}\n" for name in names)
        canonical = f"POST\n{self._path}\n\n{lines}\n{';'.join(names)}\n{sha256(body).hexdigest()}"
        scope = f"{now:%Y%m%d}/{self._region}/{self._service}/aws4_request"
        words = f"AWS4-HMAC-SHA256\n{said['x-amz-date']}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(_key_for(keys.secret_key, scope), words.encode(), sha256).hexdigest()
        by = f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        return {**said, "user-agent": self._agent, "authorization": by}


@lru_cache(maxsize=4)
def _key_for(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), sha256).digest()
    return key


@cache
def _line_of_process(_pid: int, client: Any, key: str | None, secret: str | None, timeout: float) -> Line:
    return Line(client, key, secret, timeout)


def _refusal(operation: str, answer: Any) -> Exception:
    """This function will give what a client would raise for an answer."""
    from botocore.exceptions import ClientError
    from botocore.parsers import create_parser

    response = {"status_code": answer.status, "headers": answer.headers, "body": answer.data}
    parser: Any = create_parser("json")
    parsed = parser.parse(response, None)
    try:
        said = json.loads(answer.data)
    except ValueError:
        said = {}
    # What a service says beside the name of an error, such as the reason of a conflict.
    return ClientError({**(said if isinstance(said, dict) else {}), **parsed}, operation)
