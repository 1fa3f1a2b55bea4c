"""The addresses of one study and its participants; creating and publishing are in studies/urls.py. Read next: views.py."""

from django.urls import path

from scheduling import participant_views, views
from scheduling.my_studies import my_studies

_ONE = "<slug:study_id>/participants/<slug:participant_id>/"

urlpatterns = [
    path("mine/", my_studies, name="my_studies"),
    path("<slug:study_id>/", views.study_page, name="study"),
    path(_ONE, participant_views.participant_page, name="participant"),
    path(f"{_ONE}moves/", participant_views.move_burst, name="participant_move"),
    path(f"{_ONE}removals/", participant_views.remove_burst, name="participant_remove"),
    path(f"{_ONE}pause/", participant_views.pause_participant, name="participant_pause"),
    path(f"{_ONE}withdrawal/", participant_views.withdraw_participant, name="participant_withdraw"),
]
