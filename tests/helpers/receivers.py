"""A mail server and an HTTP receiver that alerts are sent to."""

import base64
import contextlib
import email
import email.policy
import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "tr0ub4dor&3/x"
QUOTED = "tr0ub4dor%263%2Fx"


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as a mail needs, with a login.

    What came in is in `server.got`, who logged in in `server.users`.
    """

    def handle(self):
        """Answer line by line until the sender leaves."""
        if self.server.mute:
            time.sleep(self.server.mute)
            return
        self.reply("220 sink")
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            self.answer(verb.upper(), rest)
            if verb.upper() == "QUIT":
                return

    def reply(self, line: str) -> None:
        """Send a line."""
        self.wfile.write(line.encode() + b"\r\n")

    def answer(
        self,
        verb: str,
        rest: str,
    ) -> None:
        """Answer one command."""
        if verb == "EHLO":
            self.reply("250-sink")
            self.reply("250 AUTH PLAIN")
        elif verb == "AUTH":
            self.log_in(rest.split()[1])
        elif verb == "DATA":
            self.take_message()
        else:
            self.reply("221 bye" if verb == "QUIT" else "250 ok")

    def log_in(self, credentials: str) -> None:
        """Take the password, and no other."""
        _, user, password = base64.b64decode(credentials).split(b"\0")
        self.server.users.append(user.decode())
        self.reply("235 in" if password.decode() == SECRET else "535 no")

    def take_message(self) -> None:
        """Keep a mail."""
        self.reply("354 go")
        lines = []
        while (part := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(part)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.got.append(message)
        self.reply("250 kept")


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted as {title, message, type}; `server.answer(post)` gives the status."""

    def do_POST(self):
        """Answer a post; with `server.drip` the answer never ends."""
        got = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answer(got)
        if status == 200:
            self.server.got.append(got)
        self.send_response(status)
        self.end_headers()
        with contextlib.suppress(OSError):
            while status == 200 and self.server.drip:
                self.wfile.write(b".")
                self.wfile.flush()
                time.sleep(0.2)

    def log_message(self, *_):
        """Print nothing."""


def accept(_post: dict) -> int:
    """Answer every post with success."""
    return 200


def start(
    kind: type,
    handler: type,
    port: int = 0,
    **more,
):
    """Start a server in a thread; `more`: how it behaves."""
    options = {
        "allow_reuse_address": True,
        "daemon_threads": True,
        "block_on_close": False,
    }
    server = type("Server", (kind,), options)(("127.0.0.1", port), handler)
    behaviour = {"got": [], "users": [], "mute": 0, "drip": False, "answer": accept}
    vars(server).update(behaviour | more)
    threading.Thread(
        target=server.serve_forever,
        args=(0.02,),
        daemon=True,
    ).start()
    return server


def start_mail(**more):
    """Start a mail server."""
    return start(socketserver.ThreadingTCPServer, Mail, **more)


def start_hook(
    port: int = 0,
    **more,
):
    """Start an HTTP receiver."""
    return start(ThreadingHTTPServer, Hook, port, **more)


def stop(server) -> None:
    """Stop a server and free its port."""
    server.shutdown()
    server.server_close()


def mail_address(port: int) -> str:
    """Return the address of a mail server, with user and password in it."""
    options = "smtp=127.0.0.1&mode=insecure&from=a@example.com&to=b@example.com"
    return f"mailto://me:{QUOTED}@127.0.0.1:{port}?{options}"


def hook_address(port: int) -> str:
    """Return the address of an HTTP receiver, with user, password and a secret path in it."""
    return f"json://me:{QUOTED}@127.0.0.1:{port}/in/{QUOTED}"


def titles(hook) -> list[str]:
    """Return the titles that a receiver got, without that of the project."""
    return [post["title"].partition(": ")[2] for post in hook.got]
