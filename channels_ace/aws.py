"""Clients of AWS: one for each service and process, which never repeats a request by itself. Read next: channels/sms_aws.py, sqs.py."""

import os
from functools import cache
from typing import Any

from channels_ace.channel import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS, provider_settings


class NotConfigured(Exception):
    """No client could be built, so nothing was sent."""


def client(service: str) -> Any:
    """This function will give the client of a service (a name of boto3's) for the settings of AWS. Raises NotConfigured."""
    aws = provider_settings("AWS")
    options = (
        aws.get("region_name") or None,
        aws.get("endpoint_url") or None,
        aws.get("access_key_id") or None,
        aws.get("secret_access_key") or None,
        float(aws.get("timeout_seconds", READ_TIMEOUT_SECONDS)),
    )
    try:
        return _client_of_process(os.getpid(), service, *options)
    except Exception as error:
        raise NotConfigured(type(error).__name__) from error


@cache
def _client_of_process(
    _pid: int, service: str, region: str | None, url: str | None, key: str | None, secret: str | None, timeout: float
) -> Any:
    # Imported here, since boto3 costs a process some 46 MiB, and the web process never sends.
    import boto3
    from botocore.config import Config

    config = Config(
        # With its defaults the library sends up to three times when the answer is slow.
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=timeout,
    )
    session: Any = boto3.session.Session()
    return session.client(service, region_name=region, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, config=config)
