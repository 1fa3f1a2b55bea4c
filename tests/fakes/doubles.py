"""All doubles as one thing to start and stop. Read next: http.py, smtp.py, ledger.py, faults.py."""

import threading
from pathlib import Path
from typing import Any

from tests.fakes import fcm, sns_topic, twilio
from tests.fakes.answer import Answer
from tests.fakes.aws_account import AwsAccount
from tests.fakes.faults import Faults
from tests.fakes.http import DoublesServer
from tests.fakes.ledger import Ledger
from tests.fakes.receipts import Receipts
from tests.fakes.smtp import MailServer


class Doubles:
    """`with Doubles() as doubles:` serves from threads of this process; port 0 takes a free one."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, smtp_port: int = 0, ledger: Path | None = None) -> None:
        self.host = host
        self.ledger = Ledger(ledger)
        self.faults = Faults()
        self._http = DoublesServer(host, port, self.ledger, self.faults)
        self._mail = MailServer(host, smtp_port, self.ledger, self.faults)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> "Doubles":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """This function will begin to serve."""
        self._mail.start()
        self._thread.start()

    def stop(self) -> None:
        """This function will let go whoever hangs and close both servers."""
        self.faults.clear()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=10)
        self._mail.stop()

    @property
    def account(self) -> AwsAccount:
        return self._http.account

    @property
    def receipts(self) -> Receipts:
        return self._http.receipts

    def serve_certificate(self, answer: Answer | None) -> None:
        """This function will serve something else for the certificate of SNS; None serves the right one again."""
        self._http.certificate = answer

    @property
    def requests(self) -> int:
        """How many requests the HTTP side has had since the start, also those that no ledger holds."""
        return self._http.requests.total()

    def hang_up_mail(self) -> None:
        """This function will break every open connection to the mail server, as one that restarts does."""
        self._mail.hang_up()

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self._http.server_port}"

    @property
    def smtp_port(self) -> int:
        return self._mail.port

    def provider_settings(self, *, timeout_seconds: float = 10) -> dict[str, dict[str, Any]]:
        """This function will return what CHANNELS_ACE_PROVIDERS must be for the channels to speak to these doubles."""
        return {
            "AWS": {
                "region_name": "us-east-1",
                "endpoint_url": self.http,
                "access_key_id": "double",
                "secret_access_key": "double",
                "origination_identity": "",
                "configuration_set": "",
                "sns_topics": [sns_topic.TOPIC],
                "receipts_queue_url": f"{self.http}/123456789012/receipts",
                "opt_out_lists": ["Default"],
                "timeout_seconds": timeout_seconds,
            },
            "TWILIO": twilio.settings_for(self.http, timeout_seconds=timeout_seconds),
            "FCM": {
                "project_id": fcm.PROJECT,
                "service_account": fcm.make_service_account(self.http),
                "base_url": self.http,
                "timeout_seconds": timeout_seconds,
            },
        }
