"""The front door: where a person lands after signing in."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from studies.api import may_research


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """This function will lead everyone to their own side: researchers to studies, operators to the administration, learners to the inbox."""
    if may_research(request.user):
        return redirect("studies")
    if request.user.is_staff:
        return redirect("admin:index")
    return redirect("inbox")
