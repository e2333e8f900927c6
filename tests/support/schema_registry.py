"""A schema registry in tests: the part of Confluent's REST interface that readers of records use.

    registry = SchemaRegistry(port, "ada", "secret")
    registry.schemas[1] = {"schema": "...", "schemaType": "JSON"}
    with registry: ...

Standard library only.
"""

import base64
import contextlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SchemaRegistry:
    def __init__(self, port, user, password):
        self.port = port
        self.credentials = f"{user}:{password}"
        self.schemas = {}   # by id
        self.versions = {}  # by (subject, version)
        self.asked = []     # paths of those who knew the password
        self.refused = 0
        self._server = None

    def __enter__(self):
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                registry.answer(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request):
        wanted = "Basic " + base64.b64encode(self.credentials.encode()).decode()
        if request.headers.get("Authorization") != wanted:
            self.refused += 1
            return self._send(request, 401, {"error_code": 401, "message": "Unauthorized"})
        self.asked.append(request.path)
        found = None
        if match := re.fullmatch(r"/schemas/ids/(\d+)", request.path):
            found = self.schemas.get(int(match[1]))
        elif match := re.fullmatch(r"/subjects/([^/]+)/versions/(\d+)", request.path):
            found = self.versions.get((match[1], int(match[2])))
        if found is None:
            return self._send(request, 404, {"error_code": 40403, "message": "Schema not found"})
        return self._send(request, 200, found)

    def _send(self, request, status, answer):
        body = json.dumps(answer).encode()
        with contextlib.suppress(OSError):
            request.send_response(status)
            request.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
