"""The time zones that a person can choose from, by country. Read next: settings_views.py."""

from functools import cache

import pytz
from django.utils.translation import gettext as _

from channels_ace.api import ZONES

Group = tuple[str, list[tuple[str, str]]]


def zone_choices(current: str) -> list[Group]:
    """This function will list countries with their zones as (name, label); a zone in none of them is listed if it is the current one."""
    groups = [*_by_country(), (_("Everywhere"), [("UTC", "UTC")])]
    if current in ZONES and not any(current == zone for _country, zones in groups for zone, _label in zones):
        groups.insert(0, (_("Your zone now"), [(current, current)]))
    return groups


@cache
def _by_country() -> list[Group]:
    groups = []
    for code, zones in pytz.country_timezones.items():
        known = sorted(((zone, _label(zone)) for zone in zones if zone in ZONES), key=lambda choice: choice[1])
        if known:
            groups.append((pytz.country_names[code], known))
    return sorted(groups)


def _label(zone: str) -> str:
    # "America/Argentina/Buenos_Aires" is known as Buenos Aires, Argentina.
    return ", ".join(reversed(zone.replace("_", " ").split("/")[1:])) or zone
