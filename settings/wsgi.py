"""The door for web servers."""

import os
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.production")


class Request(WSGIRequest):
    """Django answers 500 to a Content-Type that names an encoding nobody knows (charset*=x''y): it is read as no type at all."""

    def __init__(self, environ: dict[str, Any]) -> None:
        try:
            super().__init__(environ)
        except (LookupError, ValueError):
            super().__init__({**environ, "CONTENT_TYPE": "application/octet-stream"})


application = get_wsgi_application()
application.request_class = Request
