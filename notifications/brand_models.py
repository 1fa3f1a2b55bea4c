"""The sites that one installation serves: how each one's mail looks, and who belongs to it. Read next: brands.py."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models import BooleanField, CharField, ExpressionWrapper, F, Func
from django.db.models.expressions import Combinable
from django.utils.translation import gettext_lazy as _

# WCAG 2.2, 1.4.3: white words on a button of this colour.
LEAST_CONTRAST = 4.5


def check_colour(colour: str) -> None:
    """This function will refuse what is not a colour as #2b59c3, or one on which white words cannot be read. Raises ValidationError."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise ValidationError(_("Write a colour as #2b59c3."))
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    if 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) < LEAST_CONTRAST:
        raise ValidationError(_("White words cannot be read on this colour: choose a darker one."))


def check_orgs(orgs: object) -> None:
    """This function will refuse what is not a list of names as course keys have them. Raises ValidationError."""
    if not isinstance(orgs, list) or not all(isinstance(org, str) and 0 < len(org) <= 100 and "+" not in org for org in orgs):
        raise ValidationError(_('Write a list of organisations, such as ["DemoX"].'))


class Owns(Func):
    """Whether a scope names a course of one of a brand's organisations, a JSON list."""

    output_field = BooleanField()
    arg_joiner = " AS orgs, "

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._written("jsonb_array_elements_text(asked.orgs) AS org(value)", "strpos", compiler, connection, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self._written("json_each(asked.orgs) AS org", "instr", compiler, connection, **extra)

    def _written(self, each: str, place: str, compiler: Any, connection: Any, **extra: Any) -> Any:
        asked = f"SELECT 1 FROM (SELECT %(expressions)s AS about) AS asked, {each}"  # noqa: S608
        template = f"EXISTS ({asked} WHERE {place}(asked.about, 'course-v1:' || org.value || '+') = 1)"
        return self.as_sql(compiler, connection, template=template, **extra)


class BrandQuerySet(models.QuerySet["Brand"]):
    def owning(self, scope: Combinable) -> "BrandQuerySet":
        """This function will find whose course a scope names."""
        return self.alias(owns=Owns(F("orgs"), ExpressionWrapper(scope, output_field=CharField()))).filter(owns=True)


class Brand(models.Model):
    """One site's name, sender, colours and words in what is sent for it. What is empty stays as the installation has it."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    orgs = models.JSONField(
        _("organisations"),
        default=list,
        blank=True,
        validators=[check_orgs],
        help_text=_("Whose courses belong to it, as course keys name them."),
    )
    address = models.CharField(
        _("address of the site"),
        max_length=200,
        blank=True,
        default="",
        validators=[
            RegexValidator(r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?\Z", _("Write scheme and host only, such as https://learn.example.org."))
        ],
        help_text=_("Where links lead: scheme and host, no path."),
    )
    sender_name = models.CharField(_("sender's name"), max_length=100, blank=True, default="")
    sender_address = models.EmailField(_("sender's address"), blank=True, default="")
    logo = models.CharField(
        _("logo"),
        max_length=200,
        blank=True,
        default="",
        validators=[URLValidator(schemes=["https"], message=_("Mail programs show pictures by https only."))],
        help_text=_("The https address of a picture about 40 pixels high."),
    )
    colour = models.CharField(
        _("colour of buttons"),
        max_length=7,
        blank=True,
        default="",
        validators=[check_colour],
    )
    footer = models.TextField(_("footer"), max_length=500, blank=True, default="", help_text=_("Such as the postal address."))

    objects = BrandQuerySet.as_manager()

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")

    def __str__(self) -> str:
        return self.name


class BrandText(models.Model):
    """A text of a site's own in place of one of ours."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="texts", verbose_name=_("brand"))
    type = models.CharField(_("type"), max_length=100)
    # As below messages/<type>/: "text.txt", "email/subject.txt".
    file = models.CharField(_("part"), max_length=40)
    language = models.CharField(_("language"), max_length=16)
    text = models.TextField(_("text"), max_length=20_000)

    class Meta:
        verbose_name = _("text of a brand")
        verbose_name_plural = _("texts of brands")
        constraints = [models.UniqueConstraint(fields=["brand", "type", "file", "language"], name="carillon_brand_text_once")]

    def __str__(self) -> str:
        return f"{self.type}/{self.file} {self.language}"


class BrandTextVersion(models.Model):
    """What a site's own text was, from a time on; nothing means ours. Rows are added, never changed."""

    brand = models.ForeignKey(Brand, models.CASCADE, related_name="text_versions", verbose_name=_("brand"))
    type = models.CharField(_("type"), max_length=100)
    file = models.CharField(_("part"), max_length=40)
    language = models.CharField(_("language"), max_length=16)
    text = models.TextField(_("text"), max_length=20_000, blank=True, default="")
    # Nobody: it stood there before versions were kept.
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("who"))
    written_at = models.DateTimeField(_("written"))

    class Meta:
        verbose_name = _("version of a text")
        verbose_name_plural = _("versions of texts")
        indexes = [models.Index(fields=["brand", "type"], name="carillon_text_versions")]

    def __str__(self) -> str:
        return f"{self.type}/{self.file} {self.language}"


class BrandMember(models.Model):
    """The site that a person belongs to; it holds for what is about no course of another site."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="carillon_brand", verbose_name=_("user")
    )
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="members", verbose_name=_("brand"))

    class Meta:
        verbose_name = _("member of a brand")
        verbose_name_plural = _("members of brands")

    def __str__(self) -> str:
        return f"brand of user {self.user_id}"
