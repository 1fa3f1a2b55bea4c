"""The resources of studies and their participants. Read next: enrollments.py, sessions.py."""

from django.urls import path

from scheduling.rest_api.adherence import AdherenceView, StudyAdherenceView
from scheduling.rest_api.completions import CompletionView
from scheduling.rest_api.enrollments import EnrollmentsView, EnrollmentView
from scheduling.rest_api.events import EventsView, EventView, HistoryView, RestorationView
from scheduling.rest_api.nudges import NudgesView
from scheduling.rest_api.participants import CompletionsView, ParticipantsView, ProtocolView, TextsView
from scheduling.rest_api.sessions import SessionsView

_ONE = "enrollments/<slug:enrollment_id>/"
_EVENT = f"{_ONE}events/<str:event_id>/"

urlpatterns = [
    path("enrollments/", EnrollmentsView.as_view(), name="api-enrollments"),
    path(_ONE, EnrollmentView.as_view(), name="api-enrollment"),
    path(f"{_ONE}events/", EventsView.as_view(), name="api-events"),
    path(_EVENT, EventView.as_view(), name="api-event"),
    path(f"{_EVENT}restoration/", RestorationView.as_view(), name="api-event-restoration"),
    path(f"{_EVENT}history/", HistoryView.as_view(), name="api-event-history"),
    path(f"{_ONE}adherence/", AdherenceView.as_view(), name="api-adherence"),
    path(f"{_ONE}completions/", CompletionsView.as_view(), name="api-completions"),
    path(f"{_ONE}texts/", TextsView.as_view(), name="api-texts"),
    path(f"{_ONE}sessions/", SessionsView.as_view(), name="api-sessions"),
    path(f"{_ONE}sessions/<str:session_id>/completion/", CompletionView.as_view(), name="api-completion"),
    path("studies/<slug:study_id>/participants/", ParticipantsView.as_view(), name="api-participants"),
    path("studies/<slug:study_id>/adherence/", StudyAdherenceView.as_view(), name="api-study-adherence"),
    path("studies/<slug:study_id>/nudges/", NudgesView.as_view(), name="api-nudges"),
    path("studies/<slug:study_id>/protocol/", ProtocolView.as_view(), name="api-protocol"),
]
