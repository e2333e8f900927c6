"""An HTTP proxy in front of a server on this machine that remembers every request.

    with RecordingProxy(port) as proxy:
        ...                      # clients talk to proxy.url
        proxy.replay(port)       # everything once more

Standard library only.
"""

import contextlib
import gzip
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Those that belong to one connection, not to the request. The host stays what the client called it.
OF_CONNECTION = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Recorded:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.status = None

    def json(self):
        packed = any(name.lower() == "content-encoding" for name, _ in self.headers)
        return json.loads(gzip.decompress(self.body) if packed else self.body)

    def send(self, port, timeout=30):
        """Gives status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        with contextlib.closing(connection):
            connection.putrequest(self.method, self.path, skip_host=True,
                                  skip_accept_encoding=True)
            for name, value in self.headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


class RecordingProxy:
    """`files`: what GET of a path gives, as (content type, bytes), in the server's place."""

    def __init__(self, port, files=None):
        self.requests = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                if self.command == "GET" and self.path in (files or {}):
                    return self._answer(200, [("Content-Type", files[self.path][0])],
                                        files[self.path][1])
                headers = [(name, value) for name, value in self.headers.items()
                           if name.lower() not in OF_CONNECTION]
                recorded = Recorded(self.command, self.path, headers, self._body())
                proxy.requests.append(recorded)
                recorded.status, answer_headers, body = recorded.send(port)
                return self._answer(recorded.status, answer_headers, body)

            do_GET = do_POST = do_OPTIONS = handle_any

            def _body(self):
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _answer(self, status, headers, body):
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in OF_CONNECTION:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that went away
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def posts(self):
        return [request for request in self.requests if request.method == "POST"]

    def messages(self):
        """Every call that was posted, those of batches one by one."""
        found = []
        for request in self.posts():
            if request.path.startswith("/v1/m"):
                continue
            body = request.json()
            found += body["batch"] if "batch" in body else [body]
        return found

    def replay(self, port):
        for request in self.posts():
            status, _, body = request.send(port)
            assert status == 200, (status, body)
