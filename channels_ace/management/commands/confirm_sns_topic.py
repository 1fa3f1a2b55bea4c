"""An operator confirms that a topic may post to us; SNS's own link is never followed. Read next: channels_ace/webhooks.py."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from channels_ace.aws import client
from channels_ace.channel import provider_settings
from channels_ace.models import ProviderEvent
from channels_ace.webhooks import CONFIRMATION


class Command(BaseCommand):
    help = "Confirm the subscription of an Amazon SNS topic. Without a topic: list those that wait."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("topic", nargs="?", help="the ARN of the topic")

    def handle(self, *args: Any, topic: str | None = None, **options: Any) -> None:
        waiting = ProviderEvent.objects.filter(provider="sns", kind=CONFIRMATION, applied_at=None).order_by("-pk")
        if topic is None:
            for event in waiting:
                self.stdout.write(f"{event.payload['topic']} since {event.occurred_at:%Y-%m-%d %H:%M} UTC")
            return
        newest = next((event for event in waiting if event.payload["topic"] == topic), None)
        if newest is None or topic not in provider_settings("AWS").get("sns_topics", ()):
            raise CommandError("This topic does not wait to be confirmed, or AWS_SNS_TOPICS does not name it.")
        # From now on only somebody with our credentials can end the subscription.
        answer = client("sns").confirm_subscription(TopicArn=topic, Token=newest.payload["token"], AuthenticateOnUnsubscribe="true")
        ProviderEvent.objects.filter(pk__in=[event.pk for event in waiting if event.payload["topic"] == topic]).update(
            applied_at=timezone.now()
        )
        self.stdout.write(f"Confirmed: {answer['SubscriptionArn']}")
