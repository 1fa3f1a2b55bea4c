"""The user model, ours from the first migration. Read next: middleware.py. Nobody imports this app."""

from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person who can sign in. How to reach them is in channels_ace (Recipient, ContactPoint)."""

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
