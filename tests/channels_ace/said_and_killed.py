"""A process that says something to everyone and is killed in a later chunk: `python -m tests.channels_ace.said_and_killed CHUNK AT`."""

import sys

import django


def main(chunk: int, at: int) -> None:
    django.setup()

    from accounts.models import User
    from channels_ace import audience
    from tests.channels_ace.obstacles import kill, obstacle
    from tests.channels_ace.saying import say

    audience.CHUNK = chunk
    with obstacle(at, kill):
        say(User.objects.all(), idempotency_key="k")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
