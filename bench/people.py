"""Who is told: people made by a few statements, the same every time. Read next: fan_out.py.

One in five does not want what the bench says in the inbox, by their choice for the type or for its category. The first
`with_addresses` have an e-mail address, a device and a phone, and some of them choose, are suppressed or sleep.
"""

from bench.database import ask, run
from bench.measure import report
from channels_ace.crypto import encrypt

# The type that is said: its choices are kept under its row, which it shares, and its category.
TYPE = "discussion.new_response"
CONTEXT = {"replier_name": "Ada Lovelace", "post_title": "Why does the second proof need the axiom of choice?"}
TYPE_SCOPE, CATEGORY = "discussion.activity", "discussion"

ZONES = [
    *("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "America/Bogota"),
    *("Europe/London", "Europe/Berlin", "Europe/Madrid", "Europe/Istanbul", "Africa/Lagos", "Africa/Cairo", "Africa/Johannesburg"),
    *("Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney"),
]
# Someone's choice by the last two digits of their number: scope, whether on, and how many in a hundred.
CHOICES = ((CATEGORY, False, 0, 16), (TYPE_SCOPE, False, 16, 22), (TYPE_SCOPE, True, 14, 16), (CATEGORY, True, 22, 24))


def make_people(count: int, with_addresses: int) -> None:
    """This function will bring the number of people up to `count`, numbered from 1."""
    have = ask("SELECT coalesce(max(id), 0) FROM accounts_user")
    if have < count:
        report(f"Making people {have + 1} to {count}; this is done once")
        _make_users(have, count)
    have = ask("SELECT coalesce(max(user_id), 0) FROM carillon_channels_contactpoint")
    if have < with_addresses:
        report(f"Making addresses of people {have + 1} to {with_addresses}; this is done once")
        _make_addresses(have, with_addresses)


def _make_users(after: int, last: int) -> None:
    run(
        """INSERT INTO accounts_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
        SELECT n, '!', false, 'person' || n, '', '', '', false, true, '2026-01-01' FROM generate_series(%s, %s) n""",
        [after + 1, last],
    )
    run(
        """INSERT INTO carillon_channels_recipient (user_id, time_zone, language)
        SELECT n, (%s::text[])[1 + n %% %s], (ARRAY['en', 'es'])[1 + n %% 2] FROM generate_series(%s, %s) n""",
        [ZONES, len(ZONES), after + 1, last],
    )
    for scope, is_on, first, past in CHOICES:
        _choose("inbox", scope, is_on, first, past, after + 1, last)
    run("VACUUM ANALYZE accounts_user, carillon_channels_recipient, carillon_notifications_preference")


def _make_addresses(after: int, last: int) -> None:
    for kind, address in (("email", "person@example.org"), ("device_token", "device-" + "x" * 120), ("phone", "+12065550100")):
        run(
            """INSERT INTO carillon_channels_contactpoint
                (user_id, kind, address, index, owner_key, hint, verified_at, removed_reason, created_at)
            SELECT n, %s, %s, encode(sha256((%s || n)::bytea), 'hex'), %s || n, '', '2026-01-01', '', '2026-01-01'
            FROM generate_series(%s, %s) n""",
            [kind, encrypt(address), kind, f"{kind}:", after + 1, last],
        )
    for channel in ("email", "push"):
        for scope, is_on, first, past in CHOICES:
            _choose(channel, scope, is_on, first, past, after + 1, last)
    run(
        """INSERT INTO carillon_channels_suppression (channel, index, scope, reason, since)
        SELECT 'email', index, '', 'bounce', '2026-01-01' FROM carillon_channels_contactpoint
        WHERE kind = 'email' AND user_id BETWEEN %s AND %s AND user_id %% 100 = 50""",
        [after + 1, last],
    )
    run("VACUUM ANALYZE carillon_channels_contactpoint, carillon_channels_suppression, carillon_notifications_preference")


def _choose(channel: str, scope: str, is_on: bool, first: int, past: int, after: int, last: int) -> None:
    run(
        """INSERT INTO carillon_notifications_preference (user_id, scope, channel, is_on, changed_at)
        SELECT n, %s, %s, %s, '2026-01-01' FROM generate_series(%s, %s) n WHERE n %% 100 >= %s AND n %% 100 < %s""",
        [scope, channel, is_on, after, last, first, past],
    )
