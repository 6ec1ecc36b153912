"""A Modbus TCP client of some lines, written from the specification (MODBUS Messaging on TCP/IP, V1.0b; V1.1b3)."""

from __future__ import annotations

import socket
import struct
from itertools import count
from typing import Self


class Refused(Exception):  # noqa: N818 - an answer
    """An exception response; `code` says which."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


class RawModbus:
    """One connection, one request at a time."""

    def __init__(self, port: int, unit: int = 1) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10.0)
        self._socket.settimeout(10.0)
        self._unit, self._number = unit, count(1)

    def ask(self, pdu: bytes) -> bytes:
        """Send a PDU and return the PDU of the answer."""
        number = next(self._number) & 0xFFFF
        self._socket.sendall(struct.pack(">HHHB", number, 0, len(pdu) + 1, self._unit) + pdu)
        got, protocol, length, unit = struct.unpack(">HHHB", self._exactly(7))
        answer = self._exactly(length - 1)
        assert (got, protocol, unit) == (number, 0, self._unit)
        if answer[0] & 0x80:
            # To a function that it does not know at all, pymodbus answers for function 0.
            assert answer[0] in (pdu[0] | 0x80, 0x80)
            raise Refused(answer[1])
        assert answer[0] == pdu[0]
        return answer[1:]

    def _exactly(self, n: int) -> bytes:
        data = b""
        while len(data) < n:
            more = self._socket.recv(n - len(data))
            assert more, "the server closed the connection"
            data += more
        return data

    def read(self, address: int, n: int, function: int = 3) -> list[int]:
        return self._words(self.ask(struct.pack(">BHH", function, address, n)), n)

    def write(self, address: int, value: int) -> None:
        """Function 6."""
        request = struct.pack(">HH", address, value)
        assert self.ask(b"\x06" + request) == request

    def write_many(self, address: int, values: list[int]) -> None:
        """Function 16."""
        head = struct.pack(">HH", address, len(values))
        assert self.ask(b"\x10" + head + bytes([2 * len(values)]) + struct.pack(f">{len(values)}H", *values)) == head

    def write_read(self, at: int, value: int, address: int, n: int) -> list[int]:
        """Function 23: write one, then read."""
        pdu = struct.pack(">BHHHHBH", 23, address, n, at, 1, 2, value)
        return self._words(self.ask(pdu), n)

    @staticmethod
    def _words(answer: bytes, n: int) -> list[int]:
        assert answer[0] == 2 * n
        return list(struct.unpack(f">{n}H", answer[1:]))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
