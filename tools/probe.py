"""Is a service well? The health checks of docker-compose.yml, since the image has no curl. Standard library only.

probe.py answers http://127.0.0.1:8000/readyz     the page answers 200
probe.py listens 8025 8026                        something listens on each of these ports of this machine
probe.py fresh /tmp/carillon-beat 400             the file was written in the last 400 seconds
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen


def answers(url: str) -> bool:
    """This function will tell whether a page answers 200. Django answers only to names it was told, so that name is sent along."""
    names = os.environ.get("ALLOWED_HOSTS", "").split(",")
    name = names[0].strip().lstrip(".").replace("*", "") or "localhost"
    try:
        with urlopen(Request(url, headers={"Host": name}), timeout=5) as response:  # noqa: S310  an address from our own command line
            return bool(response.status == 200)
    except (URLError, OSError) as error:
        print(error)
        return False


def listens(*ports: str) -> bool:
    """This function will tell whether every port takes a connection."""
    try:
        for port in ports:
            socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    except OSError as error:
        print(error)
        return False
    return True


def fresh(path: str, seconds: str) -> bool:
    """This function will tell whether a file, or one that its writer gave an ending, was written lately."""
    written = [found.stat().st_mtime for found in Path(path).parent.glob(Path(path).name + "*")]
    return bool(written) and time.time() - max(written) < int(seconds)


if __name__ == "__main__":
    probes: dict[str, Callable[..., bool]] = {"answers": answers, "listens": listens, "fresh": fresh}
    sys.exit(0 if probes[sys.argv[1]](*sys.argv[2:]) else 1)
