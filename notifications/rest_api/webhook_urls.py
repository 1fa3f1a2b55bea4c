"""The addresses of webhooks. Read next: webhooks.py."""

from django.urls import path

from notifications.rest_api.webhook_posts import PostsView, ReplayView
from notifications.rest_api.webhooks import SecretsView, WebhooksView, WebhookView

urlpatterns = [
    path("webhooks/", WebhooksView.as_view(), name="api-webhooks"),
    path("webhooks/<slug:webhook_id>/", WebhookView.as_view(), name="api-webhook"),
    path("webhooks/<slug:webhook_id>/secrets/", SecretsView.as_view(), name="api-webhook-secrets"),
    path("webhooks/<slug:webhook_id>/posts/", PostsView.as_view(), name="api-webhook-posts"),
    path("webhooks/<slug:webhook_id>/posts/<slug:post_id>/replay/", ReplayView.as_view(), name="api-webhook-replay"),
]
