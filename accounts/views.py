"""The front door: where a person lands after signing in."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from studies.api import may_research


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """This function will lead researchers to their studies, operators to the administration and learners to the inbox."""
    if may_research(request.user):
        return redirect("studies")
    if request.user.is_staff:
        return redirect("admin:index")
    return redirect("inbox")
