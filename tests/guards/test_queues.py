import yaml
from celery import Task
from django.conf import settings

from channels_ace.api import registered
from demo import supervisor
from settings.celery import app
from tests.settings.production import ROOT


def queues_used() -> set[str]:
    app.loader.import_default_modules()
    named = {queue for task in ours().values() if (queue := getattr(task, "queue", None))}
    routed = {route["queue"] for route in (app.conf.task_routes or {}).values()}
    return {settings.CELERY_TASK_DEFAULT_QUEUE, *settings.LANES, *named, *routed}


def ours() -> dict[str, Task[..., object]]:
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def queues_of_compose() -> set[str]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    workers = [service["command"] for service in services.values() if "worker" in service.get("command", [])]
    return {queue for command in workers for queue in command[command.index("-Q") + 1].split(",")}


def test_every_queue_is_consumed_by_a_worker_of_the_compose_file() -> None:
    assert queues_of_compose() == queues_used()


def test_every_queue_is_consumed_by_the_worker_of_the_demo() -> None:
    assert set(supervisor.QUEUES.split(",")) == queues_used()


def test_every_message_type_travels_in_a_lane_that_is_consumed() -> None:
    lanes = {known.name: known.lane for known in registered()}
    assert {name: lane for name, lane in lanes.items() if lane not in settings.LANES} == {}


def test_every_beat_entry_names_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(ours())
