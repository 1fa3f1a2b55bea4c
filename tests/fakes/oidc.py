"""A provider of OpenID Connect on loopback: it signs in whoever comes as `claims` says, checks what a client must show, and can lie."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "carillon", "a secret of the two"


@dataclass
class Provider:
    issuer: str
    # What it says of who comes; a claim that is None is left out.
    claims: dict[str, Any] = field(default_factory=dict)
    # By which the id token is signed, and which keys are published.
    key: RSAKey = field(default_factory=lambda: new_key())
    signs_by: Any = None
    algorithm: str = "RS256"
    # What it answers in place of tokens.
    refuses: tuple[int, dict[str, str]] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    # What clients did, in order.
    asked: list[str] = field(default_factory=list)

    def settings(self, **more: Any) -> dict[str, Any]:
        """This function will give what settings.OIDC says of it."""
        known = {"issuer": self.issuer, "client_id": CLIENT, "client_secret": SECRET, "name": "Example University"}
        return {**known, "second_factor": [], "makes_accounts": False, **more}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        said = {"iss": self.issuer, "aud": CLIENT, "sub": "u-1", "iat": now, "exp": now + 300, "nonce": nonce, **self.claims}
        head = {"alg": self.algorithm, "kid": self.key.kid}
        key = self.signs_by or self.key
        return jwt.encode(head, {name: value for name, value in said.items() if value is not None}, key, algorithms=[self.algorithm])


@contextmanager
def provider() -> Iterator[Provider]:
    """This function will run a provider while it is used."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            here.asked.append(url.path)
            if url.path == "/.well-known/openid-configuration":
                ends = {f"{name}_endpoint": f"{here.issuer}/{name}" for name in ("authorization", "token")}
                say(self, 200, {"issuer": here.issuer, "jwks_uri": f"{here.issuer}/keys", **ends})
            elif url.path == "/keys":
                say(self, 200, KeySet([here.key]).as_dict(private=False))
            elif url.path == "/authorization":
                asked = {name: values[0] for name, values in parse_qs(url.query).items()}
                fits = asked["client_id"] == CLIENT and asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
                code = uuid4().hex
                here.codes[code] = asked
                self.send_response(302 if fits else 400)
                self.send_header("Location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")
                self.end_headers()
            else:
                say(self, 404, {})

        def do_POST(self) -> None:
            here.asked.append(self.path)
            body = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            asked = here.codes.pop(body["code"][0], None)
            who = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            proof = base64.urlsafe_b64encode(hashlib.sha256(body["code_verifier"][0].encode()).digest()).decode().rstrip("=")
            if here.refuses is not None:
                say(self, *here.refuses)
            elif asked is None or proof != asked["code_challenge"] or self.headers["authorization"] != who:
                say(self, 400, {"error": "invalid_grant"})
            else:
                say(self, 200, {"access_token": uuid4().hex, "token_type": "Bearer", "id_token": here.id_token(asked["nonce"])})

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Provider(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def say(handler: BaseHTTPRequestHandler, status: int, body: Any) -> None:
    words = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(words)))
    handler.end_headers()
    handler.wfile.write(words)


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": uuid4().hex})


def shared_key() -> OctKey:
    """This function will give the client's secret as a key, by which nobody may sign who they are."""
    return OctKey.import_key(SECRET)
