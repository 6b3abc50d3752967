"""Chromium without a head, spoken to over a pipe in its own debugging protocol; needs no driver and no port."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--hide-scrollbars",
)
WAIT = 60.0


class Browser:
    """A running Chromium.

    Parameters
    ----------
    program : str
        Path of Chromium.
    home : Path
        A folder for its profile.
    """

    def __init__(self, program: str, home: Path):
        read_theirs, write_ours = (_high(fd) for fd in os.pipe())
        read_ours, write_theirs = (_high(fd) for fd in os.pipe())
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [program, *FLAGS, *sandbox, f"--user-data-dir={home}", "about:blank"]

        def place():
            os.dup2(read_theirs, 3)
            os.dup2(write_theirs, 4)

        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, preexec_fn=place, pass_fds=(3, 4), **quiet)
        os.close(read_theirs)
        os.close(write_theirs)
        self._in, self._out, self._rest, self._number = write_ours, read_ours, b"", 0
        self.events: list[dict] = []

    def call(self, method: str, session: str | None = None, **params) -> dict:
        """Send a command and give its result; what happens meanwhile goes to ``events``."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._in, data) :]
        end = time.monotonic() + WAIT
        while (answer := self._read(end)).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def until(self, method: str, session: str) -> None:
        """Wait for an event."""
        end = time.monotonic() + WAIT
        while not any(e.get("method") == method and e.get("sessionId") == session for e in self.events):
            self.events.append(self._read(end))

    def _read(self, end: float) -> dict:
        while b"\0" not in self._rest:
            if not select.select([self._out], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError("Chromium does not answer")
            piece = os.read(self._out, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def close(self) -> None:
        """End the process."""
        try:
            self.call("Browser.close")
        except (OSError, RuntimeError, TimeoutError):
            self.process.kill()
        self.process.wait(WAIT)
        os.close(self._in)
        os.close(self._out)


class Tab:
    """A page open in the browser, with all that it asked for and said.

    Parameters
    ----------
    browser : Browser
        The browser.
    path : Path
        The page's file.
    width : int
        Width of the window in CSS pixels; under 500 the window is a phone's.
    dark : bool
        Whether the reader prefers dark pages.
    """

    def __init__(self, browser: Browser, path: Path, width: int = 1000, dark: bool = False):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.do(f"{domain}.enable")
        phone = width < 500
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self.url = path.resolve().as_uri()
        self.do("Page.navigate", url=self.url)
        browser.until("Page.loadEventFired", self.session)
        self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def do(self, method: str, **params) -> dict:
        """A command to this page."""
        return self.browser.call(method, self.session, **params)

    def ask(self, expression: str):
        """The value of a JavaScript expression in the page."""
        result = self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["text"])
        return result["result"].get("value")

    def seen(self, method: str) -> list[dict]:
        """Parameters of all events of a kind so far."""
        return [e["params"] for e in self.browser.events if e.get("method") == method and self._own(e)]

    def _own(self, event: dict) -> bool:
        return event.get("sessionId") == self.session

    def complaints(self) -> list[str]:
        """Everything at the console: messages, exceptions, what the browser itself complains of."""
        said = [str(e["args"]) for e in self.seen("Runtime.consoleAPICalled")]
        said += [str(e["exceptionDetails"]["text"]) for e in self.seen("Runtime.exceptionThrown")]
        return said + [e["entry"]["text"] for e in self.seen("Log.entryAdded")]

    def requests(self) -> list[str]:
        """Addresses asked for beside the page itself."""
        asked = [e["request"]["url"] for e in self.seen("Network.requestWillBeSent")]
        return [url for url in asked if url.split("#")[0] != self.url]

    def pdf(self) -> bytes:
        """The page as printed."""
        return base64.b64decode(self.do("Page.printToPDF", preferCSSPageSize=True)["data"])

    def picture(self, whole: bool = True) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.do("Page.captureScreenshot", captureBeyondViewport=whole)["data"])


def _high(fd: int) -> int:
    """A file descriptor moved out of the way of 3 and 4."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD, 16)
    os.close(fd)
    return moved


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A Chromium; tests are skipped where there is none."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no Chromium on the PATH ({', '.join(NAMES)})")
    running = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def axe():
    """Source of axe-core in the version of ``package-lock.json``, put into ``build/axe`` by npm if it is not there."""
    here, folder = Path(__file__).parent, Path(__file__).parents[2] / "build/axe"
    source = folder / "node_modules/axe-core/axe.min.js"
    if not source.is_file():
        if (npm := shutil.which("npm")) is None:
            pytest.skip("no npm on the PATH to install axe-core")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, folder)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode:
            pytest.skip(f"npm could not install axe-core: {done.stderr.strip()[:200]}")
    return source.read_text("utf-8")


@pytest.fixture
def open_page(browser):
    """Open a page: ``open_page(path, width=1000, dark=False)``."""
    return lambda path, **how: Tab(browser, path, **how)
