"""Thousands of people with a phone number, and some with an e-mail address, made in a few statements. Read next: scene.py."""

from accounts.models import User
from channels_ace.api import Recipient, add_contact_points
from tests.factories import NOW

# Who joins a study has a number of these, apart from those of the crowd.
JOINED = 500_000


def phone(number: int) -> str:
    """This function will give a phone number of its own for each number under 800,000.

    All end in 0: the doubles do something of their own with numbers that end in 0196 to 0199, which would be one more fault.
    """
    return f"+1206{200 + number // 1_000}{number % 1_000:03d}0"


def make_readers(size: int) -> list[int]:
    """This function will give so many people in UTC with an e-mail address; they are made once."""
    known = list(User.objects.filter(username__startswith="reader").order_by("pk").values_list("pk", flat=True)[:size])
    names = [f"reader{number}" for number in range(len(known), size)]
    people = User.objects.bulk_create([User(username=name, email=f"{name}@learn.example") for name in names])
    Recipient.objects.bulk_create([Recipient(user=person, time_zone="UTC") for person in people])
    add_contact_points([(person.pk, "email", person.email) for person in people], now=NOW)
    return known + [person.pk for person in people]


def make_crowd(size: int, *, first: int) -> list[int]:
    """This function will make so many people in UTC, numbered from `first`, and give their ids."""
    names = [f"crowd{number}" for number in range(first, first + size)]
    people = User.objects.bulk_create([User(username=name) for name in names], batch_size=2_000)
    Recipient.objects.bulk_create([Recipient(user=person, time_zone="UTC") for person in people], batch_size=2_000)
    add_contact_points([(person.pk, "phone", phone(number)) for number, person in enumerate(people, first)], now=NOW)
    return [person.pk for person in people]
