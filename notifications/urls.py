"""The learner's pages. Read next: inbox_views.py, settings_views.py."""

from django.urls import path

from notifications.calendar_views import calendar_feed, calendar_page
from notifications.embed_views import bell_script
from notifications.inbox_actions import (
    archive_item,
    archive_read,
    mark_seen,
    mute_item,
    read_all,
    read_item,
    snooze_item,
    unarchive_item,
    undo_last,
    unread_item,
    unsnooze_item,
)
from notifications.inbox_views import inbox_count, inbox_page
from notifications.message_previews import preview, preview_html, preview_list
from notifications.settings_views import add_mute, remove_contact_point, remove_mute, settings_page
from notifications.unsubscribe_views import unsubscribe_page
from notifications.why_view import why_page

# <slug:...> is ASCII letters, digits, "-" and "_" only, which is what our ids are made of.
urlpatterns = [
    path("inbox/", inbox_page, name="inbox"),
    path("inbox/count/", inbox_count, name="inbox-count"),
    path("inbox/reading/", read_all, name="inbox-read-all"),
    path("inbox/<slug:public_id>/reading/", read_item, name="inbox-read"),
    path("inbox/<slug:public_id>/unreading/", unread_item, name="inbox-unread"),
    path("inbox/archiving/", archive_read, name="inbox-archive-read"),
    path("inbox/seeing/", mark_seen, name="inbox-seen"),
    path("inbox/undoing/", undo_last, name="inbox-undo"),
    path("inbox/<slug:public_id>/archiving/", archive_item, name="inbox-archive"),
    path("inbox/<slug:public_id>/unarchiving/", unarchive_item, name="inbox-unarchive"),
    path("inbox/<slug:public_id>/snoozing/", snooze_item, name="inbox-snooze"),
    path("inbox/<slug:public_id>/unsnoozing/", unsnooze_item, name="inbox-unsnooze"),
    path("inbox/<slug:public_id>/muting/", mute_item, name="inbox-mute"),
    path("inbox/<slug:public_id>/why/", why_page, name="inbox-why"),
    path("dev/messages/", preview_list, name="message-previews"),
    path("dev/messages/<str:type_name>/<slug:channel>/<slug:language>/", preview, name="message-preview"),
    path("dev/messages/<str:type_name>/<slug:channel>/<slug:language>/html/", preview_html, name="message-preview-html"),
    path("embed/bell.js", bell_script, name="embed-bell"),
    path("settings/", settings_page, name="settings"),
    # ":" stands between the parts of a token.
    path("unsubscribe/<str:token>/", unsubscribe_page, name="unsubscribe"),
    path("settings/calendar/", calendar_page, name="calendar"),
    path("calendar/<slug:token>.ics", calendar_feed, name="calendar-feed"),
    path("settings/mutes/", add_mute, name="mute"),
    path("settings/mutes/removal/", remove_mute, name="mute-removal"),
    path("settings/addresses/<slug:key>/removal/", remove_contact_point, name="contact-point-removal"),
]
