"""Runs a whole line with clients in a network namespace whose only way out ends here; prints what took it.

`unshare --net python sealed_run.py CONFIG OUT`: one JSON object with the daemon's exit code, every packet that left,
what `doctor` said meanwhile, and what the clients got.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml
import zmq
from offline_run import unroutable
from way_out import WayOut, set_up

PROGRAM = [sys.executable, "-m", "edge_inspector.cli.main"]
WAIT_S = 30.0
WATCHED_S = 14.0
"""A library that calls its maker by itself may take its time: ONNX Runtime's look-up came 9 s after its import."""


def asked(endpoint: str, op: str) -> Any:
    """Ask a question of the service endpoint with pyzmq alone."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as client:
        client.setsockopt(zmq.LINGER, 0)
        client.connect(endpoint)
        client.send(json.dumps({"op": op}).encode())
        return json.loads(client.recv()) if client.poll(5000) else None


def page(port: int) -> int:
    """Return how many bytes of metrics a scrape gets."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return len(answer.read())


def doctor(config: str, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [*PROGRAM, "doctor", "--config", config, "--json", *options], stdout=subprocess.PIPE, check=False, timeout=40
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def ready(endpoint: str) -> dict[str, Any]:
    """Return the first `hello` that says ready."""
    ends = time.monotonic() + WAIT_S
    while time.monotonic() < ends:
        if (hello := asked(endpoint, "hello")) and hello["ready"]:
            return dict(hello)
        time.sleep(0.05)
    raise TimeoutError("the line did not become ready")


def main(config: str, out: str) -> dict[str, Any]:
    settings = yaml.safe_load(Path(config).read_text())
    ends = settings["endpoints"]
    witness = [sys.executable, str(Path(__file__).with_name("witness.py")), "--line", settings["line"], "--out", out]
    witness += ["--signals", ends["signals"], "--telemetry", ends["telemetry"]]
    set_up(b"lo")
    with WayOut() as way:
        before = unroutable()
        daemon = subprocess.Popen([*PROGRAM, "run", "--config", config])
        client = subprocess.Popen(witness)
        try:
            hello, since = ready(ends["service"]), time.monotonic()
            bytes_of_page = page(settings["metrics"]["port"])
            egress, whole = doctor(config, "--egress"), doctor(config)
            time.sleep(max(0.0, since + WATCHED_S - time.monotonic()))
        finally:
            daemon.terminate()
            code = daemon.wait(20)
            client.terminate()
            client.wait(20)
        sent, n_sent, tried = way.packets(), way.n_sent(), unroutable() - before
        send_one()
        return {
            "code": code, "sent": sent, "n_sent": n_sent, "no_route": tried, "would_show": way.packets(),
            "hello": hello, "page": bytes_of_page, "egress": egress, "doctor": whole,
        }  # fmt: skip


def send_one() -> None:
    """Send a packet by the way out: the proof that it would show."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        any_socket.sendto(b"proof", ("192.0.2.1", 53))  # TEST-NET-1, RFC 5737: an address that belongs to nobody


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:3])))
