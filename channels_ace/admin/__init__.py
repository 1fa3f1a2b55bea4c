"""What operators see: history to read, a story a delivery, no address in clear. Read next: history.py, operations.py."""

from channels_ace.admin import contacts, history, inbound, operations

__all__ = ["contacts", "history", "inbound", "operations"]
