"""What the list of the API is compared with: a model serializer over fat rows, as most apps write it, and a view that does nothing."""

from typing import Any, ClassVar

from django.db import models
from rest_framework import generics, pagination, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class FatItem(models.Model):
    """A row of the table that bench/learners.py makes."""

    user_id = models.BigIntegerField()
    category = models.CharField(max_length=16)
    type = models.CharField(max_length=100)
    payload = models.JSONField()
    created = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "fat"

    def __str__(self) -> str:
        return f"fat item {self.pk}"


class FatSerializer(serializers.ModelSerializer[FatItem]):
    class Meta:
        model = FatItem
        fields: ClassVar[list[str]] = ["id", "category", "type", "payload", "created", "seen_at", "read_at"]


class TwentyAPage(pagination.CursorPagination):
    page_size = 20
    ordering = "-id"


class StockView(generics.ListAPIView[FatItem]):
    serializer_class = FatSerializer
    pagination_class = TwentyAPage

    def get_queryset(self) -> Any:
        return FatItem._default_manager.filter(user_id=self.request.user.pk)


class NothingView(APIView):
    def get(self, _request: Request) -> Response:
        return Response({})
