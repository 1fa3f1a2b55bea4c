"""The links in every page's bar, by what the person may do."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from studies.api import may_research, takes_part


def navigation(request: HttpRequest) -> dict[str, object]:
    """This function will list the sections of the person who is signed in."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"navigation": []}
    links = [(reverse("inbox"), _("Inbox"), "inbox"), (reverse("settings"), _("Settings"), "settings")]
    if takes_part(user):
        links.append((reverse("my_studies"), _("My studies"), "calendar"))
    if may_research(user):
        links.append((reverse("studies"), _("Studies"), "study"))
    if user.is_staff:
        links.append((reverse("admin:index"), _("Administration"), "people"))
    # The longest address that fits is where one is: /studies/mine/ lies below /studies/.
    current = max((url for url, _label, _icon in links if request.path.startswith(url)), key=len, default="")
    account_links = [
        {"url": reverse("phone"), "label": _("Your phone number"), "icon": "phone"},
        {"url": reverse("password"), "label": _("Password"), "icon": "lock"},
        {"url": reverse("second-factor"), "label": _("Second factor at sign-in"), "icon": "lock"},
        {"url": reverse("apps"), "label": _("Where you are signed in"), "icon": "device"},
        {"url": reverse("data"), "label": _("Your data"), "icon": "account"},
    ]
    sections = [{"url": url, "label": label, "icon": icon, "is_current": url == current} for url, label, icon in links]
    return {"navigation": sections, "account_links": account_links}
