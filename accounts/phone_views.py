"""The page on which a person gives their phone number and proves it by a code. Read next: phone_codes.py."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import CharField, Form, TextInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from accounts import tasks
from accounts.models import PhoneCode
from accounts.phone_codes import WrongCode, ask_for_code, redeem
from accounts.tries import TooMany, address_of
from channels_ace.api import BadAddress, ContactPoint, add_contact_point
from notifications.api import addresses


class PhoneForm(Form):
    phone = CharField(
        label=gettext_lazy("Mobile number"),
        help_text=gettext_lazy("With + and the country code, for example +1 206 555 0100. We text you a code."),
        max_length=32,
        widget=TextInput(attrs={"type": "tel", "autocomplete": "tel", "dir": "ltr"}),
    )


class CodeForm(Form):
    code = CharField(
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("The six digits of the text. They work for ten minutes."),
        max_length=16,
        widget=TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "dir": "ltr"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def phone_page(request: HttpRequest) -> HttpResponse:
    """This function will take a number, then the code that was texted to it."""
    user_id = int(request.user.pk or 0)
    point = next((point for point in addresses(user_id) if point.kind == ContactPoint.Kind.PHONE), None)
    waits = point is not None and point.verified_at is None
    do = request.POST.get("do", "")
    if do == "again" and point is not None and waits:
        try:
            _ask(request, point)
            messages.success(request, _("Another code is on its way."))
        except ValidationError as error:
            messages.error(request, error.message)
        return redirect("phone")
    form: Form = CodeForm() if waits else PhoneForm()
    if do:
        form = CodeForm(request.POST) if do == "code" and waits else PhoneForm(request.POST)
    if form.is_valid():
        try:
            if point is not None and isinstance(form, CodeForm):
                _take_code(point, form.cleaned_data["code"])
                messages.success(request, _("Your number is verified. You can now choose what reaches you by text."))
                return redirect("settings")
            _take_number(request, form.cleaned_data["phone"], user_id)
            return redirect("phone")
        except ValidationError as error:
            form.add_error(next(iter(form.fields)), error)
    page = {"form": form, "other": PhoneForm(auto_id="other_%s"), "point": point, "asks_for_code": isinstance(form, CodeForm)}
    return render(request, "accounts/phone.html", page)


def _take_number(request: HttpRequest, phone: str, user_id: int) -> None:
    try:
        # All or nothing: a number that may not be texted takes no other's place.
        with transaction.atomic():
            point = add_contact_point(user_id=user_id, kind=ContactPoint.Kind.PHONE, address=phone, now=timezone.now())
            if point.verified_at is None:
                _ask(request, point)
    except BadAddress as error:
        raise ValidationError(str(error)) from error


def _take_code(point: ContactPoint, code: str) -> None:
    now = timezone.now()
    try:
        redeem(PhoneCode.Use.VERIFY, point.address, code, now, user_id=point.user_id)
    except WrongCode as error:
        raise ValidationError(_("This code does not fit, or is too old. Ask for another one.")) from error
    add_contact_point(user_id=point.user_id, kind=point.kind, address=point.address, now=now, verified=True)


def _ask(request: HttpRequest, point: ContactPoint) -> None:
    try:
        ask_for_code(PhoneCode.Use.VERIFY, point.address, timezone.now(), address=address_of(request), user_id=point.user_id)
    except TooMany as error:
        minutes = max(1, round(error.wait.total_seconds() / 60))
        words = ngettext("Too many codes. Try again in %(count)d minute.", "Too many codes. Try again in %(count)d minutes.", minutes)
        raise ValidationError(words % {"count": minutes}) from error
    transaction.on_commit(tasks.poke)
