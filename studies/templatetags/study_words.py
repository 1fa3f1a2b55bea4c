"""What the texts of studies need beyond Django's own tags. Read next: ../text_rules.py."""

from django import template

from studies.text_rules import leave_out_stop

register = template.Library()
register.filter("without_stop", leave_out_stop)
