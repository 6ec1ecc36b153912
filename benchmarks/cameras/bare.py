"""The least anyone could do with a GenICam camera: Harvesters' own `fetch`, one copy of the pixels, thrown away.

Options: `cti`, `serial`, `buffers`.
"""

from __future__ import annotations

from harvesters.core import Harvester

from benchmarks.contender import read_task, serve

WAIT_S = 5.0


def main() -> None:
    options = read_task().options
    harvester = Harvester()
    harvester.add_file(options["cti"])
    harvester.update()
    acquirer = harvester.create({"serial_number": options["serial"]})
    try:
        acquirer.num_buffers = options["buffers"]
        acquirer.start()

        def take(_: int) -> None:
            with acquirer.fetch(timeout=WAIT_S) as buffer:
                buffer.payload.components[0].data.copy()

        serve(take, n_frames=1, n_tiles=1)
    finally:
        acquirer.destroy()
        harvester.reset()


if __name__ == "__main__":
    main()
