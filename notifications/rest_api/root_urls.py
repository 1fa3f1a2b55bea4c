"""What lies around the versions of the API. Comes last: it answers for every address below it."""

from django.urls import path, re_path

from notifications.rest_api.explorer import ExplorerView
from notifications.rest_api.problems import unknown_resource

urlpatterns = [
    path("", ExplorerView.as_view(), name="api-explorer"),
    re_path(r"^(?P<path>.+)$", unknown_resource, name="api-unknown"),
]
