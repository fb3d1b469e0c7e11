"""Pages whose numbers a script sets, a receiver that can fail, and `detector watch` as a process."""
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

MIB = 1 << 20


def free_port():
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, is_so, seconds=180):
    """Waits until it is so; what it is then."""
    deadline = time.monotonic() + seconds
    while True:
        answer = is_so()
        if answer:
            print(f"{what}: ok", flush=True)
            return answer
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def expect(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"{what}: {got}, expected {wanted}")
    print(f"{what}: ok", flush=True)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, *_):
        """A watch that was killed hangs up."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two packets: the second one is not to wait for the answer to the first.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def reply(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Pages:
    """Serves /NAME: `bytes_of(NAME)` as resident memory."""

    def __init__(self, bytes_of):
        class Page(Handler):
            def do_GET(self):
                name = "process_resident_memory_bytes"
                self.reply(200, f"# TYPE {name} gauge\n{name} {bytes_of(self.path[1:]):.0f}\n")

        self.server = Server(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Receiver:
    """A webhook; keeps what it took, and answers with `status`."""

    def __init__(self):
        self.taken, self.tries, self.status = [], 0, 200
        receiver = self

        class Hook(Handler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.tries += 1
                status = receiver.status
                if status == 200:
                    receiver.taken.append(json.loads(body))
                self.reply(status, "")

        self.server = Server(("127.0.0.1", 0), Hook)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Watch:
    """`detector watch` on a configuration in `folder`, and a database there or elsewhere."""

    def __init__(self, detector, folder, config, database=None):
        self.folder, self.port = pathlib.Path(folder), free_port()
        (self.folder / "detector.yaml").write_text(config)
        self.log = open(self.folder / "watch.log", "ab")
        # Not for longer than this script lasts, however that ends.
        self.process = subprocess.Popen(
            [detector, "watch", "--config", self.folder / "detector.yaml", "--listen", f"127.0.0.1:{self.port}",
             "--database", database or self.folder / "detector.db"],
            stderr=self.log, preexec_fn=lambda: signal.alarm(3600))

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.read().decode()

    def ask(self, path):
        return json.loads(self.get(path))

    def listens(self):
        try:
            return self.ask("/health")
        except (urllib.error.URLError, OSError):
            if self.process.poll() is not None:
                raise SystemExit("the watch ended: " + (self.folder / "watch.log").read_text())
            return None

    def incidents(self, query=""):
        return self.ask(f"/api/v1/incidents?{query}")["incidents"]

    def metric(self, name):
        """The sum over all labels."""
        values = re.findall(rf"^{name}(?:{{.*}})? (.*)$", self.get("/metrics"), re.M)
        return sum(float(value) for value in values)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.log.close()
        return code

    def usage(self):
        """CPU seconds and resident bytes so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return (int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
