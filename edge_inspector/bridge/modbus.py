"""The one file that knows pymodbus: a Modbus TCP server whose words are made when they are read.

Its interface changes often, so the version is pinned in setup.cfg, and nothing else of it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_inspector.core.errors import EndpointError

_READS = frozenset({3, 4, 23})
_WRITES = frozenset({6, 16, 23})
"""Read and write registers. pymodbus asks a second time after a write, for the echo in its answer (6, 16) or the words
to read (23)."""


class ModbusServer:
    """Serves words 0 to n - 1, of which those from `first_writable` on may be written. One asyncio loop."""

    def __init__(
        self,
        n_words: int,
        first_writable: int,
        read: Callable[[], list[int]],
        was_read: Callable[[int, int], None],
        write: Callable[[int, int], None],
    ) -> None:
        """Prepare; called inside the loop.

        Args:
            n_words: Size of the map.
            first_writable: First address that may be written.
            read: Returns all words, called for each read.
            was_read: Called after a read with its address and count.
            write: Called for each word written, with address and value.
        """
        self._read, self._was_read, self._write = read, was_read, write
        words = [
            SimData(0, count=first_writable, values=0, datatype=DataType.REGISTERS, readonly=True),
            SimData(first_writable, count=n_words - first_writable, values=0, datatype=DataType.REGISTERS),
        ]
        self._device = SimDevice(0, simdata=words, action=self._access)
        self._server: ModbusTcpServer | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            EndpointError: The address cannot be bound.
        """
        self._server = ModbusTcpServer(self._device, address=(host, port))
        try:
            await self._server.serve_forever(background=True)
        except (OSError, RuntimeError) as error:
            raise EndpointError(
                f"cannot listen on {host}:{port}: another program has it, it is no address of this computer, or the "
                "port is under 1024 without the right to it; choose another --listen"
            ) from error

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)

    async def _access(
        self,
        function: int,
        _first: int,
        address: int,
        count: int,
        words: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Answer one request; `words` are what the server keeps from address 0 on, and may be changed here."""
        if function not in _READS | _WRITES:
            return ExcCodes.ILLEGAL_FUNCTION
        if values is not None:
            for i, value in enumerate(values):
                self._write(address + i, int(value))
            return None
        fresh = self._read()
        words[: len(fresh)] = fresh
        if function in _READS:
            self._was_read(address, count)
        return None
