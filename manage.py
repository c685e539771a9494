#!/usr/bin/env python
"""Django's command line for the vault."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A setting: its sentence says which one, and where it was read is no news to an operator.
        sys.exit(f"settings: {error}")
