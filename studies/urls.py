"""The addresses of a researcher's own studies; one study's are in scheduling/urls.py. Read next: views.py."""

from django.urls import path

from studies import views

urlpatterns = [
    path("", views.study_list, name="studies"),
    path("new/", views.study_new, name="study_new"),
    path("<slug:study_id>/import/", views.study_import, name="study_import"),
    path("<slug:study_id>/export/<int:number>/", views.study_export, name="study_export"),
    path("<slug:study_id>/publish/", views.study_publish, name="study_publish"),
]
