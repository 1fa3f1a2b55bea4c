"""The resources of participants: sessions and their completions. Read next: sessions.py."""

from django.urls import path

from scheduling.rest_api.completions import CompletionView
from scheduling.rest_api.sessions import SessionsView

urlpatterns = [
    path("enrollments/<slug:enrollment_id>/sessions/", SessionsView.as_view(), name="api-sessions"),
    path("enrollments/<slug:enrollment_id>/sessions/<str:session_id>/completion/", CompletionView.as_view(), name="api-completion"),
]
