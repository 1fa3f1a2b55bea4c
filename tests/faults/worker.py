"""Real workers to kill: a warm parent that forks one for each line it reads, and says its process id.

`python -m tests.faults.worker`; a line is the instant to work at. Warm, since a cold start takes longer than all the work.
"""

import os
import sys
import time
import traceback
from datetime import datetime

import django


def main() -> None:
    django.setup()
    import boto3  # noqa: F401
    from django.conf import settings

    import tests.channels_ace.saying  # noqa: F401

    settings.CHANNELS_ACE_PROVIDERS["AWS"]["timeout_seconds"] = float(os.environ["PROVIDER_TIMEOUT"])
    print("ready", flush=True)
    for line in sys.stdin:
        worker = os.fork()
        if worker == 0:
            try:
                work(datetime.fromisoformat(line.strip()))
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        print(worker, flush=True)
        # The parent stays childless: whoever started the worker may want to see it gone.
        _reap()


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def work(now: datetime) -> None:
    """This function will sweep and deliver until nothing is due and nobody holds a lease."""
    from channels_ace.api import Delivery, deliver, sweep

    while Delivery.objects.filter(due_at__lte=now, state__in=[*Delivery.WAITING, Delivery.State.SENDING]).exists():
        sweep(now)
        if not deliver(now, limit=40):
            time.sleep(0.01)


if __name__ == "__main__":
    main()
