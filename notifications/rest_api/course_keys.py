"""The key of a course in an address. Read next: memberships.py, dates.py."""

from django.http import Http404

# What a key is stored as, whatever characters the platform makes it of.
LONGEST = 191


def read_course_key(written: str) -> str:
    """This function will give the key that an address holds. Raises Http404 for one that no course can have."""
    if len(written) > LONGEST or not written.isprintable() or any(letter.isspace() for letter in written):
        raise Http404
    return written
