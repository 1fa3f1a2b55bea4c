"""The resources of people (inbox, devices, preferences) and of services (messages). Read next: root_urls.py."""

from django.urls import path

from notifications.rest_api.bell_tokens import BellTokensView
from notifications.rest_api.cadences import CadencesView, CadenceView
from notifications.rest_api.calendar_link import CalendarLinkView
from notifications.rest_api.changes import ChangesView
from notifications.rest_api.channels import ChannelsView, ChannelView
from notifications.rest_api.counts import CountsView
from notifications.rest_api.dates import DatesView, DateView
from notifications.rest_api.devices import DevicesView, DeviceView
from notifications.rest_api.explanation import ExplanationView
from notifications.rest_api.explorer import SchemaView
from notifications.rest_api.inbox import InboxView
from notifications.rest_api.memberships import MembershipsView
from notifications.rest_api.message_parts import CancellationView, RecipientView
from notifications.rest_api.messages import MessagesView, MessageView
from notifications.rest_api.mutes import MutesView
from notifications.rest_api.place import PlaceView
from notifications.rest_api.preferences import PreferencesView, PreferenceView
from notifications.rest_api.quiet import QuietView
from notifications.rest_api.readings import ArchivingsView, ArchivingView, ReadingsView, ReadingView, SeeingView, SnoozingView, UndoingsView
from notifications.rest_api.submissions import SubmissionsView
from notifications.rest_api.summaries import SummariesView

# <slug:...> is ASCII letters, digits, "-" and "_" only: an id in other digits is no address.
urlpatterns = [
    path("inbox/", InboxView.as_view(), name="api-inbox"),
    path("inbox/changes/", ChangesView.as_view(), name="api-inbox-changes"),
    path("inbox/counts/", CountsView.as_view(), name="api-inbox-counts"),
    path("inbox/seeing/", SeeingView.as_view(), name="api-inbox-seeing"),
    path("inbox/readings/", ReadingsView.as_view(), name="api-inbox-readings"),
    path("inbox/archivings/", ArchivingsView.as_view(), name="api-inbox-archivings"),
    path("inbox/undoings/", UndoingsView.as_view(), name="api-inbox-undoings"),
    path("inbox/<slug:item_id>/reading/", ReadingView.as_view(), name="api-inbox-reading"),
    path("inbox/<slug:item_id>/archiving/", ArchivingView.as_view(), name="api-inbox-archiving"),
    path("inbox/<slug:item_id>/snoozing/", SnoozingView.as_view(), name="api-inbox-snoozing"),
    path("inbox/<slug:item_id>/explanation/", ExplanationView.as_view(), name="api-inbox-explanation"),
    path("bell-tokens/", BellTokensView.as_view(), name="api-bell-tokens"),
    path("devices/", DevicesView.as_view(), name="api-devices"),
    path("devices/<slug:device_id>/", DeviceView.as_view(), name="api-device"),
    path("preferences/", PreferencesView.as_view(), name="api-preferences"),
    path("preferences/quiet/", QuietView.as_view(), name="api-quiet"),
    path("preferences/summaries/", SummariesView.as_view(), name="api-summaries"),
    path("preferences/place/", PlaceView.as_view(), name="api-place"),
    path("preferences/channels/", ChannelsView.as_view(), name="api-channels"),
    path("preferences/channels/<slug:channel>/", ChannelView.as_view(), name="api-channel"),
    path("preferences/cadences/", CadencesView.as_view(), name="api-cadences"),
    path("preferences/cadences/<str:scope>/", CadenceView.as_view(), name="api-cadence"),
    path("calendar-link/", CalendarLinkView.as_view(), name="api-calendar-link"),
    path("mutes/", MutesView.as_view(), name="api-mutes"),
    path("preferences/<str:scope>/<slug:channel>/", PreferenceView.as_view(), name="api-preference"),
    path("messages/", MessagesView.as_view(), name="api-messages"),
    path("messages/<slug:message_id>/", MessageView.as_view(), name="api-message"),
    path("messages/<slug:message_id>/cancellation/", CancellationView.as_view(), name="api-message-cancellation"),
    path("messages/<slug:message_id>/recipients/<str:username>/", RecipientView.as_view(), name="api-message-recipient"),
    path("courses/<str:course_key>/dates/", DatesView.as_view(), name="api-dates"),
    path("courses/<str:course_key>/dates/<str:external_id>/", DateView.as_view(), name="api-date"),
    path("courses/<str:course_key>/submissions/", SubmissionsView.as_view(), name="api-submissions"),
    path("courses/<str:course_key>/memberships/", MembershipsView.as_view(), name="api-memberships"),
    path("schema/", SchemaView.as_view(), name="schema"),
]
