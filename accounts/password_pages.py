"""Another password: for who knows the one there is, and for who forgot it. Read next: email_links.py."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView, PasswordResetConfirmView
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from accounts.email_links import RESET
from accounts.models import User
from accounts.sign_in_pages import wait_words
from accounts.tries import TooMany, address_of, allow
from channels_ace.api import BadAddress, ContactPoint, blind_indexes, normal_address, send

if TYPE_CHECKING:
    Page = FormView["ResetForm"]
else:
    # Django's classes are generic to the type checker only.
    Page = FormView

_by_page = method_decorator([never_cache, require_http_methods(["GET", "HEAD", "POST"])], name="dispatch")


class AnotherPasswordForm(PasswordChangeForm):
    def clean_old_password(self) -> str:
        try:
            allow("sign_in", timezone.now(), account=self.user.get_username())
        except TooMany as error:
            raise ValidationError(wait_words(error)) from error
        return super().clean_old_password()


class ResetForm(forms.Form):
    email = forms.CharField(
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("The one that you confirmed here."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "dir": "ltr"}),
    )


@_by_page
class PasswordPage(PasswordChangeView):
    """Every other browser and every app is signed out: what they carry holds a mark of the password."""

    form_class = AnotherPasswordForm
    template_name = "accounts/password.html"
    success_url = reverse_lazy("settings")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password is changed. Every other browser and app is signed out."))
        return super().form_valid(form)


@_by_page
class ResetPage(Page):
    """Says the same whether anybody has the address; the link goes to whoever confirmed that it is theirs, by a worker."""

    form_class = ResetForm
    template_name = "accounts/password_reset.html"

    def form_valid(self, form: ResetForm) -> HttpResponse:
        now, written = timezone.now(), form.cleaned_data["email"]
        try:
            allow("password_reset", now, account=written, address=address_of(self.request))
            indexes = blind_indexes(ContactPoint.Kind.EMAIL, normal_address(ContactPoint.Kind.EMAIL, written))
        except TooMany as error:
            form.add_error("email", wait_words(error))
            return self.form_invalid(form)
        except BadAddress as error:
            form.add_error("email", str(error))
            return self.form_invalid(form)
        points = ContactPoint.objects.filter(kind=ContactPoint.Kind.EMAIL, index__in=indexes, removed_at=None, verified_at__isnull=False)
        people = [user for user in User.objects.filter(pk__in=points.values("user_id"), is_active=True)[:10] if user.has_usable_password()]
        for user in people:
            # A message each: the words of one are written once for all who get it, and the link is nobody else's.
            send(type=RESET, audience=[user.pk], now=now)
        return self.render_to_response(self.get_context_data(is_sent=True))


@_by_page
class NewPasswordPage(PasswordResetConfirmView):
    """Signs nobody in: whoever has a second factor shows it at the door as ever."""

    template_name = "accounts/password_new.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, _("Your password is changed. Sign in with it."))
        return super().form_valid(form)
