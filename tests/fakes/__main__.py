"""The doubles as a process: `python -m tests.fakes --port 0 --smtp-port 0 --ledger FILE`; one JSON line says where they are."""

import argparse
import json
import signal
from pathlib import Path

from tests.fakes import Doubles, fcm


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, help="JSON lines, appended to; kept over restarts")
    parser.add_argument("--service-account", type=Path, help="write the FCM service account of the doubles to this file")
    parser.add_argument("--public-url", help="how others reach the HTTP side, where that is not the host it listens on")
    wanted = parser.parse_args()
    # Waited for, not handled: what is being answered is finished first.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Doubles(host=wanted.host, port=wanted.port, smtp_port=wanted.smtp_port, ledger=wanted.ledger) as doubles:
        if wanted.service_account:
            wanted.service_account.write_text(json.dumps(fcm.make_service_account(wanted.public_url or doubles.http)), encoding="utf-8")
            wanted.service_account.chmod(0o600)
        print(json.dumps({"http": doubles.http, "smtp_port": doubles.smtp_port}), flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
