"""An HTTP server on loopback that keeps what it is sent. Standard library only.

    with Receiver() as receiver:
        receiver.answers["/hook"] = [(503, {"Retry-After": "8"})]  # then 204
        receiver.calls  # [Call(path, headers, body, at)]
"""

import collections
import http.server
import threading
import time

Call = collections.namedtuple("Call", "path headers body at")


class Receiver:
    def __init__(self, tls=None):
        self.calls = []
        self.answers = {}  # by path: what comes next; a callable is called; the last one stays
        self.connections = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                receiver.connections += 1
                super().setup()

            def answer(self):
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Call(self.path, headers, body, time.time()))
                status, fields = receiver.next_answer(self.path)
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_PUT = do_GET = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]

    def next_answer(self, path):
        waiting = self.answers.get(path, [])
        answer = (204, {}) if not waiting else waiting[0]
        if len(waiting) > 1:
            waiting.pop(0)
        return answer() if callable(answer) else answer

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path="/hook", host="localhost", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    def calls_to(self, path):
        return [call for call in self.calls if call.path == path]
