"""Provider doubles: AWS texts, FCM and SMTP on loopback, with one ledger of what they accepted. Read next: doubles.py."""

from tests.fakes.doubles import Doubles

__all__ = ["Doubles"]
