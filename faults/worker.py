"""Real processes to break: a warm parent that forks one for each line it reads, and says its process id.

`python -m faults.worker`; a line is a job as JSON (`Job` in crew.py). Warm, since a cold start takes longer than all the work.
"""

import importlib
import json
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django


def main() -> None:
    django.setup()
    warm_up()
    rehearse()
    # Whoever started a child watches /proc; here it is only taken note of how long it worked.
    signal.signal(signal.SIGCHLD, reap)
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


def reap(*_: object) -> None:
    """This function will let go of the children that have ended; what they worked is counted among ours."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue


def warm_up() -> None:
    """This function will load in the parent what each of its children would have to load again."""
    import functools

    from botocore.loaders import JSONFileLoader
    from celery import worker  # noqa: F401
    from django.template import Engine
    from kombu.transport import redis  # noqa: F401

    import faults.mutations
    import faults.points  # noqa: F401
    import settings.urls  # noqa: F401
    from channels_ace.aws import client
    from channels_ace.channel import registered_channels
    from channels_ace.local_time import ZONES, openings
    from channels_ace.policies import TEXTING
    from faults.types import lift_caps
    from tests.factories import NOW

    lift_caps()
    registered_channels()
    # The descriptions of AWS's services, some megabytes of JSON.
    JSONFileLoader.load_file = functools.cache(JSONFileLoader.load_file)  # type: ignore[method-assign]
    for service in ("pinpoint-sms-voice-v2", "sns", "sqs"):
        client(service)
    openings(NOW, TEXTING, ZONES)
    for template in ("messages/_default/sms/text.txt", "messages/_default/text.txt", "messages/_default/detail.txt"):
        Engine.get_default().get_template(template)


def rehearse() -> None:
    """This function will plan, say and send a few texts here and take them back, since whatever is done for the first time takes longest.

    The children inherit what was loaded, compiled and kept by it, AWS's clients too, which hold no connection any more by then.
    """
    import functools
    import gc

    from django.conf import settings
    from django.db import connection, transaction

    from channels_ace import aws
    from channels_ace.api import deliver_all, sweep
    from faults.crew import PATIENCE_SECONDS
    from faults.deliveries import ENROLLED, NOON
    from faults.people import JOINED, phone
    from scheduling import nudges, planner
    from tests.channels_ace.saying import make_people, say
    from tests.factories import NOW
    from tests.scheduling.worlds import join, make_study

    settings.CHANNELS_ACE_PROVIDERS["AWS"].update(timeout_seconds=PATIENCE_SECONDS)
    by_process = aws._client_of_process
    aws._client_of_process = functools.cache(lambda _pid, *options: by_process(0, *options))
    for _ in range(3):
        with transaction.atomic():
            say(make_people(2))
            study = make_study(ENROLLED)
            for day in range(2):
                join(study, ENROLLED + timedelta(days=day), phone=phone(JOINED + day))
                nudges.tick(NOON + timedelta(days=day))
                deliver_all(NOON + timedelta(days=day))
            sweep(NOW)
            deliver_all(NOW)
            transaction.set_rollback(True)
        planner.forget_protocols()
    for service in ("pinpoint-sms-voice-v2", "sqs"):
        aws.client(service).close()
    connection.close()
    gc.collect()
    gc.freeze()


def run(job: dict[str, Any]) -> None:
    """This function will do one job, with what is to go wrong with it."""
    from django.conf import settings

    from faults import mutations, points
    from settings import base

    settings.CHANNELS_ACE_PROVIDERS["AWS"].update(timeout_seconds=job["timeout"])
    settings.CHANNELS_ACE_PROVIDERS["FCM"].update(timeout_seconds=job["timeout"], service_account=job["account"] or None)
    for name, value in job["settings"].items():
        setattr(settings, name, value)
    if job["endpoint"]:
        settings.CHANNELS_ACE_PROVIDERS["AWS"]["endpoint_url"] = job["endpoint"]
    if job["rests"]:
        # The breaker, as in production; elsewhere faults come thicker than any provider would be let go on with.
        settings.CHANNELS_ACE["BREAKER"] = base.CHANNELS_ACE["BREAKER"]
    if job["people"]:
        gathering: Any = importlib.import_module("channels_ace.gather")
        gathering.gather = partial(gathering.gather, people=job["people"])
    if job["pace"]:
        settings.CHANNELS_ACE["PARTS_PER_SECOND"] = {"eum": job["pace"]}
    if job["skew"]:
        skew_clock(job["skew"], job["skewed_after"])
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
    rounds = count(1)
    while time.monotonic() < until:
        if job["rounds"] and next(rounds) > job["rounds"]:
            return
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
    """This function will tick, `together` processes at once: what each found due, the others found due as well."""
    nudges: Any = importlib.import_module("scheduling.nudges")
    runs_of_hour = nudges.runs_of_hour

    def wait_for_the_others(places: Any, now: datetime) -> Any:
        runs = runs_of_hour(places, now)
        meet(job["gate"], job["together"])
        return runs

    nudges.runs_of_hour = wait_for_the_others
    nudges.tick(datetime.fromisoformat(job["now"]))
    deliver(job)


def meet(gate: str, together: int, seconds: float = 30) -> None:
    """This function will wait until so many processes have come here, each of which leaves a letter in a file."""
    if not gate:
        return
    file = os.open(gate, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, b".")
    until = time.monotonic() + seconds
    while os.fstat(file).st_size < together and time.monotonic() < until:
        time.sleep(0.001)
    os.close(file)


def call(job: dict[str, Any]) -> None:
    """This function will have a channel send one message, as the engine would, without a row of it."""
    from uuid import uuid4

    from django.utils.module_loading import import_string

    from channels_ace.channel import Outgoing

    path, kind, to = job["name"].split()
    channel = import_string(f"channels_ace.channels.{path}")()
    parts = dict.fromkeys(channel.parts, "Hello")
    one = Outgoing(token=str(uuid4()), to=to, to_kind=kind, parts=parts, type="tests.text", message_id="m", language="en", ttl_seconds=60)
    list(channel.send([one]))


def skew_clock(seconds: float, after: float) -> None:
    """This function will put this process's clock forward or back, at once or in mid-work; the monotonic one goes on as it was."""
    import threading

    import time_machine

    def put() -> None:
        time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True).start()

    if not after:
        put()
        return
    timer = threading.Timer(after, put)
    timer.daemon = True
    timer.start()


def lane(job: dict[str, Any]) -> None:
    """This function will do what a poke makes a Celery worker do, and what the sweep does, by the clock that these read."""
    from django.db.models.functions import Now

    from channels_ace import tasks
    from channels_ace.api import Delivery

    due = Delivery.objects.filter(state__in=[*Delivery.WAITING, Delivery.State.SENDING], due_at__lte=Now())
    until = time.monotonic() + job["seconds"]
    while time.monotonic() < until and due.exists():
        tasks.sweep()
        tasks.deliver_lane(job["lane"])
        time.sleep(0.05)


def beat_once(job: dict[str, Any]) -> None:
    """This function will tick once, and work in a lane until nothing is due, by the clock that Celery's tasks read."""
    from scheduling import tasks

    tasks.tick()
    lane(job)


def celery(job: dict[str, Any]) -> None:
    """This function will be a Celery worker for a lane, or for all of them."""
    from settings.celery import app

    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "visibility_timeout": job["visibility"]}
    queues = job["lane"] or "urgent,nudges,transactional,bulk,ticks"
    pool = ["--pool=prefork", f"--concurrency={job['children']}"] if job["children"] else ["--pool=solo"]
    app.worker_main(
        [
            "worker",
            *pool,
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


_JOBS = {
    "deliver": deliver,
    "drain": drain,
    "tick": tick,
    "beat_once": beat_once,
    "call": call,
    "lane": lane,
    "celery": celery,
    "beat": beat,
    "web": web,
}


if __name__ == "__main__":
    main()
