"""The ways to sign in, shown on the sign-in page of the demo only."""

from django.http import HttpRequest

from demo.people import DOORS, PASSWORD


def people(request: HttpRequest) -> dict[str, object]:
    """This function will list who one can sign in as."""
    doors = [
        {"name": door.name, "role": door.role, "description": door.sees, "username": door.username, "password": PASSWORD, "icon": door.icon}
        for door in DOORS
    ]
    return {"demo_people": doors if request.path.startswith("/sign-in") else []}
