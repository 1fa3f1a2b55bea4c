"""The resources that a visitor may post to. Read next: signed_in_apps.py."""

from typing import Any

from django.utils.cache import add_never_cache_headers
from rest_framework.response import Response
from rest_framework.views import APIView


class OpenToPost(APIView):
    """Whoever signs in is nobody yet, whatever cookie or token comes along; every other method asks who it is. No answer is kept."""

    def get_authenticators(self) -> Any:
        return [] if self._is_post() else super().get_authenticators()

    def get_permissions(self) -> Any:
        return [] if self._is_post() else super().get_permissions()

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer: Response = super().finalize_response(request, response, *args, **kwargs)
        add_never_cache_headers(answer)
        return answer

    def _is_post(self) -> bool:
        return self.request is not None and self.request.method == "POST"
