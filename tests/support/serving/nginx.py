"""A real nginx in front of the replicas: round robin at one port, one replica for each bearer token at another."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.processes import PATIENCE, free_port

_CONFIGURATION = """\
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream any {{ {servers} keepalive 32; }}
  upstream own {{ hash $http_authorization consistent; {servers} keepalive 32; }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_buffering off;
  proxy_read_timeout 300s;
  client_max_body_size 8m;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://any; }} }}
  server {{ listen 127.0.0.1:{sticky}; location / {{ proxy_pass http://own; }} }}
}}
"""


class Nginx:
    """The proxy of these replicas, by port. A replica that refuses connections is passed over, and tried each time."""

    def __init__(self, directory: Path, replicas: Sequence[int]) -> None:
        self._directory, self._replicas = directory, replicas
        self._process: subprocess.Popen[bytes] | None = None
        self.port = self.sticky_port = 0

    @property
    def url(self) -> str:
        """Where one request after another goes to one replica after another."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sticky_url(self) -> str:
        """Where the requests with the same token go to the same replica while it lives, as older sessions need."""
        return f"http://127.0.0.1:{self.sticky_port}"

    def start(self) -> None:
        """Start it, and return when it listens; at other ports if somebody took the first ones meanwhile."""
        for _ in range(10):
            if self._listens():
                return
        raise AssertionError(f"nginx does not start: {(self._directory / 'nginx.log').read_text()}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def _listens(self) -> bool:
        self.port, self.sticky_port = free_port(), free_port()
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in self._replicas)
        configuration = self._directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(directory=self._directory, servers=servers, port=self.port, sticky=self.sticky_port)
        )
        command = [
            _program() or "nginx",
            "-p",
            str(self._directory),
            "-c",
            str(configuration),
            "-e",
            f"{self._directory}/nginx.log",
        ]
        self._process = process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - ours
        until = time.monotonic() + PATIENCE
        while process.poll() is None:  # it cannot signal that it listens, so the port is polled
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.sticky_port)) == 0:
                    return True
            assert time.monotonic() < until, "nginx does not listen"
            time.sleep(0.01)
        return False


def installed() -> None:
    """Skip the test where there is no nginx."""
    if _program() is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")


def _program() -> str | None:
    """Where it is: often in a directory that is in no ordinary user's path."""
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
