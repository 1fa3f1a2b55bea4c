"""What the demo may use of accounts; the apps to the right reach the user model by settings.AUTH_USER_MODEL."""

from accounts.models import User

__all__ = ["User"]
