"""The ways to sign in, shown on the sign-in page of the demo only."""

from django.http import HttpRequest


def people(request: HttpRequest) -> dict[str, object]:
    """This function will list who one can sign in as."""
    return {"demo_people": []}
