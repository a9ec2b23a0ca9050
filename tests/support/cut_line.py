"""A line to a server that a test can cut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Literal

End = Literal["client", "server"]
"""Who speaks."""


class Proxy:
    """Pass bytes on to a server until the line is cut."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._open: list[socket.socket] = []
        self._left: dict[End, int] = {}
        self.is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                ways: tuple[tuple[End, socket.socket, socket.socket], ...] = (
                    ("client", near, far),
                    ("server", far, near),
                )
                for way in ways:
                    threading.Thread(target=self._pass, args=way, daemon=True).start()

    def _pass(self, speaker: End, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if speaker in self._left:
                    self._left[speaker] -= len(data)
                    if (over := self._left[speaker]) < 0:
                        other.sendall(data[:over])
                        self.cut()
                        return
                other.sendall(data)

    def cut_after(self, count: int, speaker: End) -> None:
        """Cut the line by itself, once one end has said that many bytes more: amid its sentence."""
        self._left[speaker] = count

    def cut(self) -> None:
        """Break every connection, and take no new one."""
        self.is_cut = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Break every connection; new ones are taken."""
        while self._open:
            end = self._open.pop()
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def mend(self) -> None:
        """Take connections again at the same port."""
        self.is_cut = False
        self._left.clear()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()
