"""The user model, ours from the first migration, and the apps in which a person is signed in. Read next: signed_in_apps.py.

Nobody imports this app.
"""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from channels_ace.api import BlindIndexField, EncryptedTextField, new_public_id


class User(AbstractUser):
    """A person who can sign in. How to reach them is in channels_ace (Recipient, ContactPoint)."""

    # Since when a second factor is asked for; a session in which it was shown carries this moment (second_factor.py).
    second_factor_at = models.DateTimeField(_("second factor since"), null=True, blank=True, editable=False)

    # What was stored when a change of it began (account_changes.py).
    email_before: str | None = None
    was_active: bool | None = None

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")


class AuthenticatorApp(models.Model):
    """The app that shows a person's codes (second_factor.py). Its secret counts once User.second_factor_at is set."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="authenticator_app")
    secret = EncryptedTextField()
    added_at = models.DateTimeField()
    # Of the newest code that was taken: neither it nor an older one is taken again (RFC 6238, section 5.2).
    last_step = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"authenticator app of user {self.user_id}"


class RecoveryCode(models.Model):
    """A code on paper for whoever has lost their authenticator app. It works once; only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="recovery_codes")
    mark = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "mark"], name="accounts_recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of user {self.user_id}"


class ProviderIdentity(models.Model):
    """Whom a provider of single sign-on knows a person as (single_sign_on.py)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="provider_identities", verbose_name=_("user"))
    issuer = models.CharField(_("provider"), max_length=255)
    subject = models.CharField(_("its name for the person"), max_length=255)
    linked_at = models.DateTimeField(_("linked"))

    class Meta:
        verbose_name = _("single sign-on")
        verbose_name_plural = _("single sign-ons")
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_provider_identity_once")]

    def __str__(self) -> str:
        return f"{self.issuer} of user {self.user_id}"


class KnownBrowser(models.Model):
    """A browser in which a person signed in before (known_browsers.py), known by the hash of its cookie."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="known_browsers")
    mark = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "mark"], name="accounts_known_browser_once")]

    def __str__(self) -> str:
        return f"browser of user {self.user_id}"


class SignedInBrowser(models.Model):
    """A browser in which a person is signed in (signed_in_browsers.py): what a session of Django's is, in words, and since when."""

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="signed_in_browsers")
    session_key = models.CharField(max_length=40, unique=True)
    # "Firefox, Linux", or nothing where the browser does not say.
    device = models.CharField(max_length=64, blank=True)
    # Of the password with which the person signed in: with another one the session is nobody's.
    password_mark = models.CharField(max_length=64)
    signed_in_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"browser of user {self.user_id}"


class SignedInApp(models.Model):
    """One app on one device in which a person is signed in: a family of refresh tokens.

    No token is stored. Each is signed by us and carries its generation; the family knows only how far it has come.
    """

    class Ended(models.TextChoices):
        SIGNED_OUT = "signed_out", _("Signed out in the app")
        BY_PERSON = "by_person", _("Signed out from another place")
        BY_OPERATOR = "by_operator", _("Signed out by an operator")
        REUSED = "reused", _("An old refresh token was used again")
        EXPIRED = "expired", _("Not used for too long")
        PASSWORD = "password", _("The password changed")
        SECOND_FACTOR = "second_factor", _("A second factor was added")

    public_id = models.CharField(_("id"), max_length=22, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="signed_in_apps", verbose_name=_("user"))
    name = models.CharField(_("app"), max_length=100)
    generation = models.PositiveIntegerField(default=1)
    # The newest generation of which an access token was seen: its answer has arrived, so its predecessor has had its day.
    arrived = models.PositiveIntegerField(default=0)
    # Of the password with which the person signed in: another password ends the family.
    password_mark = models.CharField(max_length=64)
    # Of the code that opens the settings page inside it (settings_visits.py): its hash, until it is used.
    settings_code = models.CharField(max_length=64, blank=True, default="")
    settings_code_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("signed in"))
    renewed_at = models.DateTimeField(_("last renewed"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_because = models.CharField(_("why it ended"), max_length=16, choices=Ended.choices, blank=True)

    class Meta:
        verbose_name = _("signed-in app")
        verbose_name_plural = _("signed-in apps")

    def __str__(self) -> str:
        return self.name


class Try(models.Model):
    """That somebody tried something that may be tried only so often (tries.py). `key` tells who, and cannot be read back."""

    what = models.CharField(max_length=32)
    key = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["what", "key", "at"], name="accounts_try_counted")]

    def __str__(self) -> str:
        return self.what


class PhoneCode(models.Model):
    """Six digits by text, asked for by a person or by a visitor (phone_codes.py). The digits follow from `seed` and our secret key."""

    class Use(models.TextChoices):
        VERIFY = "verify"
        SIGN_IN = "sign_in"

    use = models.CharField(max_length=16, choices=Use.choices)
    # The blind index of the number: to a visitor the same happens whether somebody has it or not.
    index = BlindIndexField()
    # Of all but the last four digits: where fraud with premium texts shows.
    area = models.CharField(max_length=64)
    # Whom it was sent to; nobody, when nobody has this number.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="phone_codes")
    seed = models.CharField(max_length=22, default=new_public_id, unique=True)
    tries_left = models.PositiveSmallIntegerField()
    asked_at = models.DateTimeField(db_index=True)
    handled_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    # What it signed in: shown again because the answer got lost, it opens the same.
    app = models.ForeignKey(SignedInApp, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["index", "use", "asked_at"], name="accounts_phone_code_by_number")]

    def __str__(self) -> str:
        return self.use


class ServiceToken(models.Model):
    """By which another service calls the API, and for what (service_tokens.py). The token itself is stored nowhere."""

    name = models.CharField(_("service"), max_length=100)
    token_hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(_("ends in"), max_length=4)
    scopes = models.JSONField(_("scopes"), default=list)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("service token")
        verbose_name_plural = _("service tokens")
        constraints = [
            # What somebody of a course's team sends is kept under "person:" and their number (notifications/rest_api/course_teams.py).
            models.CheckConstraint(
                condition=~models.Q(name__istartswith="person:"),
                name="accounts_service_is_no_person",
                violation_error_message=_("A service cannot be called so: it would pass for a person."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} …{self.hint}"


class DataCopy(models.Model):
    """A copy of what is held about a person, which they asked for (data_copies.py). A person has one at a time."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="data_copy")
    language = models.CharField(max_length=16)
    asked_at = models.DateTimeField()
    # Until when a worker has it to itself.
    taken_until = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    # From then on it is nobody's.
    ends_at = models.DateTimeField(null=True)
    # As JSON, once it is made.
    file = EncryptedTextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(made_at=None, ends_at=None) | models.Q(made_at__isnull=False, ends_at__isnull=False),
                name="accounts_data_copy_ends",
            )
        ]

    def __str__(self) -> str:
        return f"copy of the data of user {self.user_id}"


class RateCount(models.Model):
    """How many calls came in one window of a rate, where Redis does not count them (rates.py)."""

    key = models.CharField(max_length=96, primary_key=True)
    used = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
