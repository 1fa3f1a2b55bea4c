"""What operators see: history to read, a story a delivery, no address in clear. Read next: history.py, contacts.py, inbound.py."""

from channels_ace.admin import contacts, history, inbound

__all__ = ["contacts", "history", "inbound"]
