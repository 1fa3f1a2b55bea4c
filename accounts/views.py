"""The front door: where a person lands after signing in."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from studies.api import may_research, visible_studies


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """This function will lead researchers to their studies, operators to the administration and learners to the inbox."""
    if visible_studies(request.user).exists():
        return redirect("studies")
    # Whoever may do everything may create studies too; until they have one, they come to run the site.
    if request.user.is_staff:
        return redirect("admin:index")
    return redirect("studies" if may_research(request.user) else "inbox")
