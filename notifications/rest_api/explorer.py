"""The API's browsable page, for people who are signed in. Read next: schema.py."""

from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.utils import translation
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.rest_api.strict import StrictSerializer, read_query


class SchemaQuery(StrictSerializer):
    pass


class SchemaView(SpectacularJSONAPIView):
    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        read_query(request, SchemaQuery)
        answer: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return answer

    def _get_schema_response(self, request: Request) -> Response:
        name = self._get_filename(request, "")  # type: ignore[no-untyped-call]
        return Response(schema_in(translation.get_language()), headers={"Content-Disposition": f'inline; filename="{name}"'})


@cache
def schema_in(language: str | None) -> dict[str, Any]:
    """This function will write the schema in the language that is active: the same for everybody, and half a second's work."""
    generator: Any = SpectacularJSONAPIView.generator_class
    schema: dict[str, Any] = generator().get_schema(request=None, public=True)
    return schema


@method_decorator(login_required, name="dispatch")
class ExplorerView(SpectacularSwaggerSplitView):
    # Our page: theirs has a style element, which the content security policy refuses.
    template_name = "carillon/api_explorer.html"
    url_name = "schema"
