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
from tests.fakes import Doubles


@contextmanager
def set_scene(cluster: Cluster, broker: Broker, folder: Path, *, is_full: bool, is_quick: bool) -> Iterator[Scene]:
    """This function will keep all that faults need until they are done."""
    with Doubles() as doubles, crew_for(doubles, folder) as crew:
        lift_caps()
        crew.patience = 10 if is_full else 1
        settings.CHANNELS_ACE_PROVIDERS = doubles.provider_settings(timeout_seconds=1)
        scene = Scene(
            cluster=cluster,
            broker=broker,
            doubles=doubles,
            crew=crew,
            folder=folder,
            is_full=is_full,
            is_quick=is_quick,
        )
        try:
            yield scene
        finally:
            connection.close()
