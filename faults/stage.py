"""Sets the scene: people with phones, the providers' doubles, a crew. Read next: scene.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from faults.cluster import Broker, Cluster
from faults.crew import crew_for
from faults.scene import Scene
from faults.types import lift_caps
from tests.channels_ace.saying import make_people
from tests.fakes import Doubles

PEOPLE = 500


@contextmanager
def set_scene(cluster: Cluster, broker: Broker, folder: Path, *, is_full: bool) -> Iterator[Scene]:
    """This function will keep all that faults need until they are done."""
    with Doubles() as doubles, crew_for(doubles, folder) as crew:
        lift_caps()
        settings.CHANNELS_ACE_PROVIDERS = doubles.provider_settings(timeout_seconds=1)
        people = [person.pk for person in make_people(PEOPLE)]
        try:
            yield Scene(cluster=cluster, broker=broker, doubles=doubles, crew=crew, folder=folder, people=people, is_full=is_full)
        finally:
            connection.close()
