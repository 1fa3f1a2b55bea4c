"""Six digits by text: they verify a phone number, or sign in the one person who has it. Read next: rest_api/contact_points.py.

To a visitor a number that nobody has looks like any other: the request is written down, and a worker finds out whom to text. The limits
in tries.py, the countries, the kinds of number and the rate at which codes come back bound what fraud with texts can cost.
"""

import hmac
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import phonenumbers
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from phonenumbers import PhoneNumberType

from accounts.models import PhoneCode, User
from accounts.signed_in_apps import BadToken, Tokens, first_tokens, sign_in
from accounts.tries import allow
from channels_ace.api import BadAddress, ContactPoint, Delivery, blind_indexes, index_to_write, indexes_since, normal_address, send

logger = logging.getLogger(__name__)

LASTS = timedelta(minutes=10)
TRIES = 5
TYPE = "account.phone_code"
MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
# An area from which so few of so many codes come back within a day is texted by a machine, not by people who wait for a code.
FRAUD_CODES, FRAUD_SHARE = 50, 0.2
Kind = ContactPoint.Kind


class WrongCode(ValueError):
    """The code does not fit, has been used, is too old, or was guessed too often. Which of them is nobody's business."""


def ask_for_code(use: str, phone: str, now: datetime, *, address: str, user_id: int | None = None) -> PhoneCode:
    """This function will write down that a code is wanted for a number: by a person, or by a visitor from an address.

    Raises BadAddress for what cannot be texted at all, and TooMany.
    """
    number = textable(phone)
    who = {} if user_id is None else {"account": str(user_id)}
    allow("phone_code", now, number=number, address=address, site="all", **who)
    with transaction.atomic():
        return PhoneCode.objects.create(
            use=use,
            index=index_to_write(blind_indexes(Kind.PHONE, number)),
            area=salted_hmac("carillon.phone-area", number[:-4], algorithm="sha256").hexdigest(),
            user_id=user_id,
            tries_left=TRIES,
            asked_at=now,
        )


def textable(phone: str) -> str:
    """This function will give a mobile number of one of settings.PHONE_COUNTRIES in E.164. Raises BadAddress."""
    number = phonenumbers.parse(normal_address(ContactPoint.Kind.PHONE, phone), None)
    if not phonenumbers.is_valid_number(number):
        raise BadAddress(_("This is not a phone number."))
    if phonenumbers.region_code_for_number(number) not in settings.PHONE_COUNTRIES:
        raise BadAddress(_("We cannot send texts to this country."))
    if phonenumbers.number_type(number) not in MOBILE:
        raise BadAddress(_("This is not a mobile number."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def send_codes(now: datetime) -> int:
    """This function will text the codes that are wanted and have not been sent, and say how many people it texted."""
    texted = 0
    for code in PhoneCode.objects.filter(handled_at=None, asked_at__gt=now - LASTS).order_by("pk")[:1_000]:
        with transaction.atomic():
            # Two workers may look at once; only one of them handles it.
            if not PhoneCode.objects.filter(pk=code.pk, handled_at=None).update(handled_at=now):
                continue
            user_id = _whose(code)
            if user_id is None or _smells_of_fraud(code, now):
                continue
            PhoneCode.objects.filter(pk=code.pk).update(user_id=user_id)
            send(
                type=TYPE,
                audience=[user_id],
                context={"seed": code.seed},
                idempotency_key=f"phone-code:{code.seed}",
                expires_at=code.asked_at + LASTS,
                now=now,
            )
            texted += 1
    return texted


def fill(deliveries: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """This function will put the digits into the texts at the moment of sending: no table holds them."""
    for delivery in deliveries:
        said = {"code": digits(str(delivery.message.context["seed"])), "programme": settings.CHANNELS_ACE["TEXTS"]["PROGRAMME"]}
        delivery.message.context |= said
    return []


def redeem(use: str, phone: str, code: str, now: datetime, *, user_id: int | None = None) -> User:
    """This function will take a code, once, and give the person whom it proves. Raises WrongCode, also for the sixth guess."""
    found, user = check(use, phone, code, now, user_id=user_id)
    if not PhoneCode.objects.filter(pk=found.pk, used_at=None).update(used_at=now):
        raise WrongCode
    return user


def check(use: str, phone: str, code: str, now: datetime, *, user_id: int | None = None) -> tuple[PhoneCode, User]:
    """This function will find the code that somebody shows, and the person whom it proves; it is not used up yet. Raises WrongCode.

    A guess is paid for before it is looked at, so that many at once are not more than the five. It costs the same statements whether
    somebody has the number or not.
    """
    try:
        indexes = blind_indexes(Kind.PHONE, textable(phone))
    except BadAddress as error:
        raise WrongCode from error
    asked = PhoneCode.objects.filter(use=use, index__in=indexes, asked_at__gt=now - LASTS).filter(Q(used_at=None) | Q(app__isnull=False))
    if user_id is not None:
        asked = asked.filter(user_id=user_id)
    found = list(asked.select_related("user").order_by("-pk"))
    # What was not sent, to a number that nobody has or not yet, was not read by anybody.
    latest = next((one for one in found if one.user_id), next(iter(found), None))
    if latest is None or not PhoneCode.objects.filter(pk=latest.pk, tries_left__gt=0).update(tries_left=F("tries_left") - 1):
        raise WrongCode
    if not constant_time_compare(digits(latest.seed), code) or latest.user is None:
        raise WrongCode
    # The number may have got another owner meanwhile.
    if not latest.user.is_active or _whose(latest) != latest.user.pk:
        raise WrongCode
    return latest, latest.user


def sign_in_by(code: PhoneCode, name: str, now: datetime) -> Tokens:
    """This function will sign an app in by a code that was checked, once. Raises WrongCode.

    Where the answer got lost, the code is shown again: while nothing has been heard of the app that it opened, it opens the same.
    """
    with transaction.atomic():
        # Without a join: whoever waited here would get the code as it is now beside its app as it was before.
        held = PhoneCode.objects.select_for_update().get(pk=code.pk)
        if held.app is not None:
            try:
                return first_tokens(held.app.public_id, now)
            except BadToken as error:
                raise WrongCode from error
        if held.user is None or held.used_at is not None:
            raise WrongCode
        tokens = sign_in(held.user, name, now)
        PhoneCode.objects.filter(pk=held.pk).update(used_at=now, app=tokens.app)
    return tokens


def digits(seed: str) -> str:
    """This function will give the six digits of a seed, which is random; without our secret key they cannot be told from it."""
    mac = hmac.digest(settings.SECRET_KEY.encode(), f"carillon.phone-code.{seed}".encode(), "sha256")
    return f"{int.from_bytes(mac) % 1_000_000:06}"


def forget_codes(now: datetime) -> int:
    """This function will delete the codes that neither a person nor a limit needs any more, and say how many those were."""
    return PhoneCode.objects.filter(asked_at__lte=now - timedelta(days=1)).delete()[0]


def _whose(code: PhoneCode) -> int | None:
    """This function will give the one person who has the number now: unverified it must be theirs, to sign in nobody else's too."""
    points = ContactPoint.objects.filter(kind=Kind.PHONE, index__in=indexes_since(code.index), removed_at=None)
    if code.use == PhoneCode.Use.VERIFY:
        return code.user_id if code.user_id is not None and points.filter(user_id=code.user_id).exists() else None
    owners = list(points.filter(verified_at__isnull=False, user__is_active=True).values_list("user_id", flat=True)[:2])
    return owners[0] if len(owners) == 1 else None


def _smells_of_fraud(code: PhoneCode, now: datetime) -> bool:
    day = PhoneCode.objects.filter(area=code.area, asked_at__gt=now - timedelta(days=1), asked_at__lte=now - LASTS)
    sent = day.filter(handled_at__isnull=False, user__isnull=False)
    found = sent.aggregate(asked=Count("pk"), used=Count("used_at"))
    smells = found["asked"] >= FRAUD_CODES and found["used"] < FRAUD_SHARE * found["asked"]
    if smells:
        logger.error("Codes for one area are asked for and not used: %(used)d of %(asked)d in a day. No more go there today.", found)
    return bool(smells)
