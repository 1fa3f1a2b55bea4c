"""An answer that is JSON already, where to write it each time would take longest. Read next: inbox.py."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import JSONRenderer


class Written:
    """JSON as text."""

    def __init__(self, text: str) -> None:
        self.text = text


class WrittenRenderer(JSONRenderer):
    """Gives what is written as it is, and writes everything else, such as problems."""

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None) -> Any:
        if isinstance(data, Written):
            return data.text.encode()
        return super().render(data, accepted_media_type, renderer_context)
