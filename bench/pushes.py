"""Push: the channel against firebase-admin's own way of sending many. Read next: channels_ace/channels/push_fcm.py."""

import time
from collections.abc import Sequence

import firebase_admin
from django.test import override_settings
from firebase_admin import credentials, messaging

from bench.measure import Figure, Goal, figure, interleave, watch
from bench.outgoings import make_outgoings
from bench.sending import send_all
from bench.sinks import running_sinks
from bench.world import World
from channels_ace.channel import Outgoing
from channels_ace.channels.push_fcm import FcmChannel, message_of
from tests.fakes import fcm

CHUNK = 100


def to_devices(world: World) -> Figure:
    """This function will send one message to 2,000 devices, to a server on loopback."""
    with running_sinks() as sinks:
        account = fcm.make_service_account(sinks.http)
        app = firebase_admin.initialize_app(credentials.Certificate(account), {"projectId": fcm.PROJECT}, name=sinks.http)
        # The library knows no other host than Google's; this is where it keeps it.
        messaging._get_messaging_service(app)._fcm_url = f"{sinks.http}/v1/projects/{fcm.PROJECT}/messages:send"
        provider = {"project_id": fcm.PROJECT, "service_account": account, "base_url": sinks.http}
        channel = FcmChannel()
        outgoings = make_outgoings(world.of(2_000), "push", channel.parts, "device_token", "device-{:0>150}")
        with override_settings(CHANNELS_ACE_PROVIDERS={"FCM": provider}):
            ours, library = interleave(world.repeats, lambda: send_all(channel, outgoings), lambda: send_by_library(app, outgoings))
        firebase_admin.delete_app(app)
    note = f"{len(outgoings) / ours:,.0f} a second against {len(outgoings) / library:,.0f}"
    return figure("push", len(outgoings), Goal(3, at_least=True), ours, library, note=note)


def send_by_library(app: firebase_admin.App, outgoings: Sequence[Outgoing]) -> float:
    """This function will give the seconds of `send_each` in chunks. Raises RuntimeError unless all were accepted."""
    accepted = 0
    with watch() as taken:
        for start in range(0, len(outgoings), CHUNK):
            messages = [_message_of(outgoing) for outgoing in outgoings[start : start + CHUNK]]
            accepted += messaging.send_each(messages, app=app).success_count
    if accepted != len(outgoings):
        raise RuntimeError(f"firebase-admin: {accepted} of {len(outgoings)} were accepted.")
    return taken.seconds


def _message_of(outgoing: Outgoing) -> messaging.Message:
    plain = message_of(outgoing, now_seconds=time.time())
    return messaging.Message(
        token=plain["token"],
        notification=messaging.Notification(**plain["notification"]),
        data=plain["data"],
        android=messaging.AndroidConfig(priority="high", notification=messaging.AndroidNotification(tag=outgoing.message_id)),
        apns=messaging.APNSConfig(headers=plain["apns"]["headers"], payload=messaging.APNSPayload(messaging.Aps(sound="default"))),
    )
