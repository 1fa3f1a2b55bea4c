#!/usr/bin/env python
"""Django's command line. Read next: settings/base.py."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        # Ctrl-C is an answer, not an accident; 130 is what shells call it.
        sys.exit(130)
