"""Debian's Chromium without a window, steered through its debugging pipe. Standard library only.

    with Chromium() as browser:
        browser.show("http://127.0.0.1:8080/p/...", width=360, dark=True)
        browser.screenshot("page.png")
        browser.run("document.querySelector('button').click()")
        browser.wait_for("document.querySelector('[role=status]')")

Width, height and colour scheme are those of the page. (The command line alone cannot do that: a
window is never narrower than 500 pixels, whatever --window-size says, so --screenshot of 360 pixels
shows a wider page cut off.) Its User-Agent is the one of a Chromium with a window.
"""

import base64
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

COMMAND = "chromium"


def is_installed():
    return shutil.which(COMMAND) is not None


def _pipe():
    """Reading and writing end, both beyond the descriptors that the browser expects."""
    ends = os.pipe()
    beyond = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return beyond


class Chromium:
    """One browser with one page. Raises RuntimeError where the browser reports an error."""

    def __init__(self, timeout=60):
        self._timeout = timeout
        self._last_id = 0
        self._buffer = b""
        # Its children may still write there for a moment after it has ended.
        self._directory = tempfile.TemporaryDirectory(prefix="chromium-",
                                                      ignore_cleanup_errors=True)
        to_browser, self._write = _pipe()
        self._read, from_browser = _pipe()
        # The debugging pipe is file descriptors 3 and 4 of the browser.
        command = ["bash", "-c", f'exec {COMMAND} "$@" 3<&{to_browser} 4>&{from_browser}', "-",
                   "--headless", "--remote-debugging-pipe", "--no-first-run", "--hide-scrollbars",
                   "--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb",
                   f"--user-data-dir={self._directory.name}", "about:blank"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")
        self._process = subprocess.Popen(command, pass_fds=(to_browser, from_browser),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self._read, False)
        self._session = None
        pages = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in pages if target["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        self._call("Page.enable")
        agent = self._call("Browser.getVersion")["userAgent"].replace("HeadlessChrome", "Chrome")
        self._call("Emulation.setUserAgentOverride", userAgent=agent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(timeout=self._timeout)
        self._directory.cleanup()

    def show(self, url, width=1024, height=800, dark=False, language=None):
        """Opens `url`, and waits until it is loaded."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                   deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        if language:
            self._call("Network.enable")
            self._call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
        self.run("window.before = true")
        result = self._call("Page.navigate", url=url)
        if "errorText" in result:
            raise RuntimeError(f"{url}: {result['errorText']}")
        self.wait_for("!window.before && document.readyState === 'complete'")

    def run(self, script):
        """The value of a JavaScript expression in the page."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True,
                            awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {json.dumps(answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def wait_for(self, condition):
        """Until the JavaScript expression is true; pages may change in between."""
        end = time.monotonic() + self._timeout
        while time.monotonic() < end:
            try:
                if self.run(f"Boolean({condition})"):
                    return
            except RuntimeError as error:
                # The page went away under the question.
                if not re.search("context|navigat", str(error)):
                    raise
            time.sleep(0.02)
        raise RuntimeError(f"never true: {condition}")

    def screenshot(self, path, whole_page=True):
        """A PNG of the page, or of what the window shows of it."""
        answer = self._call("Page.captureScreenshot", format="png",
                            captureBeyondViewport=whole_page)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def _call(self, method, **parameters):
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive(method)
            if answer.get("id") == self._last_id:
                break
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _receive(self, method):
        end = time.monotonic() + self._timeout
        while b"\0" not in self._buffer:
            try:
                piece = os.read(self._read, 1 << 16)
                if not piece:
                    raise RuntimeError(f"{method}: the browser has ended")
                self._buffer += piece
            except BlockingIOError:
                if time.monotonic() > end:
                    raise RuntimeError(f"{method}: no answer in {self._timeout} s") from None
                time.sleep(0.005)
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)
