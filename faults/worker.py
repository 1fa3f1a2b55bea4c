"""Real processes to break: a warm parent that forks one for each line it reads, and says its process id.

`python -m faults.worker`; a line is a job as JSON (`Job` in crew.py). Warm, since a cold start takes longer than all the work.
"""

import json
import os
import signal
import sys
import time
from datetime import datetime
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django


def main() -> None:
    django.setup()
    warm_up()
    # Nobody waits for the children: whoever started one watches /proc.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            # Standard output is for process ids; Celery greets there.
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            try:
                run(json.loads(line))
            finally:
                os._exit(0)
        print(child, flush=True)


def warm_up() -> None:
    """This function will load in the parent what each of its children would have to load again."""
    import functools
    import gc

    from botocore.loaders import JSONFileLoader
    from celery import worker  # noqa: F401
    from django.template import Engine
    from kombu.transport import redis  # noqa: F401

    import faults.mutations
    import faults.points  # noqa: F401
    import settings.urls  # noqa: F401
    from channels_ace.aws import client
    from channels_ace.local_time import ZONES, openings
    from channels_ace.policies import TEXTING
    from faults.types import lift_caps
    from tests.factories import NOW

    lift_caps()
    # The descriptions of AWS's services, some megabytes of JSON.
    JSONFileLoader.load_file = functools.cache(JSONFileLoader.load_file)  # type: ignore[method-assign]
    for service in ("pinpoint-sms-voice-v2", "sqs"):
        client(service)
    openings(NOW, TEXTING, ZONES)
    for template in ("messages/_default/sms/text.txt", "messages/_default/text.txt", "messages/_default/detail.txt"):
        Engine.get_default().get_template(template)
    gc.collect()
    gc.freeze()


def run(job: dict[str, Any]) -> None:
    """This function will do one job, with what is to go wrong with it."""
    from django.conf import settings

    from faults import mutations, points
    from settings import base

    settings.CHANNELS_ACE_PROVIDERS["AWS"].update(timeout_seconds=job["timeout"])
    settings.CHANNELS_ACE_PROVIDERS["FCM"].update(timeout_seconds=job["timeout"], service_account=job["account"] or None)
    if job["endpoint"]:
        settings.CHANNELS_ACE_PROVIDERS["AWS"]["endpoint_url"] = job["endpoint"]
    if job["rests"]:
        # The breaker, as in production; elsewhere faults come thicker than any provider would be let go on with.
        settings.CHANNELS_ACE["BREAKER"] = base.CHANNELS_ACE["BREAKER"]
    if job["mutant"]:
        mutations.apply(job["mutant"])
    if job["point"]:
        points.arm(job)
    try:
        _JOBS[job["do"]](job)
    except Exception:
        import traceback

        traceback.print_exc()


def deliver(job: dict[str, Any]) -> None:
    """This function will sweep and deliver until nothing is due and nobody holds a lease; a database that is away is asked again."""
    from django.db import Error, connection

    from channels_ace.api import Delivery, sweep
    from channels_ace.delivery import deliver

    now, until = datetime.fromisoformat(job["now"]), time.monotonic() + job["seconds"]
    due = Delivery.objects.filter(due_at__lte=now, state__in=[*Delivery.WAITING, Delivery.State.SENDING])
    if job["lane"]:
        due = due.filter(lane=job["lane"])
    while time.monotonic() < until:
        try:
            sweep(now)
            if not due.exists():
                return
            if not deliver(now, lane=job["lane"] or None, limit=job["limit"]):
                time.sleep(0.01)
        except Error:
            connection.close()
            time.sleep(0.05)


def drain(job: dict[str, Any]) -> None:
    """This function will take in what waits in the queue of receipts."""
    from channels_ace import sqs

    while sqs.drain(datetime.fromisoformat(job["now"])):
        continue


def tick(job: dict[str, Any]) -> None:
    """This function will tick, all processes of one `at` together: what each found due, the others found due as well."""
    from scheduling import nudges

    due_runs = nudges.due_runs

    def wait_for_the_others(now: datetime) -> Any:
        runs = due_runs(now)
        time.sleep(max(0.0, job["at"] - time.time()))
        return runs

    nudges.due_runs = wait_for_the_others
    nudges.tick(datetime.fromisoformat(job["now"]))
    deliver(job)


def call(job: dict[str, Any]) -> None:
    """This function will have a channel send one text, as the engine would, without a row of it."""
    from uuid import uuid4

    from channels_ace.channel import Outgoing, carriers

    channel = carriers()[job["name"]]
    to, kind = ("+12065551000", "phone") if job["name"] == "sms" else ("a-device", "device_token")
    parts = dict.fromkeys(channel.parts, "Hello")
    one = Outgoing(token=str(uuid4()), to=to, to_kind=kind, parts=parts, type="tests.text", message_id="m", language="en", ttl_seconds=60)
    list(channel.send([one]))


def celery(job: dict[str, Any]) -> None:
    """This function will be a Celery worker for all lanes, in one process."""
    from settings.celery import app

    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "visibility_timeout": job["visibility"]}
    queues = "urgent,nudges,transactional,bulk,ticks"
    app.worker_main(
        [
            "worker",
            "--pool=solo",
            "-Q",
            queues,
            "-l",
            "ERROR",
            "--without-mingle",
            "--without-gossip",
            "--without-heartbeat",
            "-n",
            job["name"],
        ]
    )


def beat(job: dict[str, Any]) -> None:
    """This function will be a Celery beat whose clock runs fast."""
    from settings.celery import app

    app.conf.beat_schedule = {"deliver": {"task": "channels_ace.tasks.sweep", "schedule": 1.0}}
    app.Beat(loglevel="ERROR", schedule=job["name"], max_interval=1).run()


def web(job: dict[str, Any]) -> None:
    """This function will serve the site, one request at a time."""
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    make_server("127.0.0.1", job["port"], get_wsgi_application(), handler_class=Quiet).serve_forever()


_JOBS = {"deliver": deliver, "drain": drain, "tick": tick, "call": call, "celery": celery, "beat": beat, "web": web}


if __name__ == "__main__":
    main()
