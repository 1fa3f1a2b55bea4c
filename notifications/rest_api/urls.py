"""The resources of people: inbox, devices and preferences. Read next: root_urls.py."""

from django.urls import path

from notifications.rest_api.counts import CountsView
from notifications.rest_api.devices import DevicesView, DeviceView
from notifications.rest_api.explanation import ExplanationView
from notifications.rest_api.explorer import SchemaView
from notifications.rest_api.inbox import InboxView
from notifications.rest_api.preferences import PreferencesView, PreferenceView
from notifications.rest_api.quiet import QuietView
from notifications.rest_api.readings import ArchivingView, ReadingsView, ReadingView, SeeingView

# <slug:...> is ASCII letters, digits, "-" and "_" only: an id in other digits is no address.
urlpatterns = [
    path("inbox/", InboxView.as_view(), name="api-inbox"),
    path("inbox/counts/", CountsView.as_view(), name="api-inbox-counts"),
    path("inbox/seeing/", SeeingView.as_view(), name="api-inbox-seeing"),
    path("inbox/readings/", ReadingsView.as_view(), name="api-inbox-readings"),
    path("inbox/<slug:item_id>/reading/", ReadingView.as_view(), name="api-inbox-reading"),
    path("inbox/<slug:item_id>/archiving/", ArchivingView.as_view(), name="api-inbox-archiving"),
    path("inbox/<slug:item_id>/explanation/", ExplanationView.as_view(), name="api-inbox-explanation"),
    path("devices/", DevicesView.as_view(), name="api-devices"),
    path("devices/<slug:device_id>/", DeviceView.as_view(), name="api-device"),
    path("preferences/", PreferencesView.as_view(), name="api-preferences"),
    path("preferences/quiet/", QuietView.as_view(), name="api-quiet"),
    path("preferences/<str:scope>/<slug:channel>/", PreferenceView.as_view(), name="api-preference"),
    path("schema/", SchemaView.as_view(), name="schema"),
]
