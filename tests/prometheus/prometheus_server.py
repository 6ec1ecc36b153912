"""A real Prometheus on loopback, in a folder of its own."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from daemon import wait_until
from fakes.ports import free_ports
from rule_files import RECORDS, RULES
from scaled_rules import faster

SCRAPE = "500ms"
"""The page changes once a second."""
START_S = 40.0


class PrometheusServer:
    """Scrapes lines by the project's own rules, with durations divided by a factor. Use it as a context manager."""

    def __init__(self, folder: Path, targets: Mapping[str, int], factor: int) -> None:
        """Write its configuration.

        Args:
            folder: Empty.
            targets: Port of the metrics page by the name of the line.
            factor: Durations of the rules are so many times shorter.
        """
        self._folder = folder
        [self._port] = free_ports(1)
        for path in (RECORDS, RULES):
            (folder / path.name).write_text(faster(path.read_text("utf-8"), factor), "utf-8")
        jobs = [{"targets": [f"127.0.0.1:{port}"], "labels": {"line": line}} for line, port in targets.items()]
        config = {
            "global": {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": SCRAPE},
            "rule_files": [RECORDS.name, RULES.name],
            "scrape_configs": [{"job_name": "edge-inspector", "static_configs": jobs}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._folder / "log.txt").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--log.level=warn",
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        wait_until(self._is_ready, START_S, "Prometheus")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        sys.stderr.write(f"--- Prometheus said:\n{(self._folder / 'log.txt').read_text('utf-8')[-3000:]}\n")

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the series of an expression now: `metric` (labels) and `value` (time, text)."""
        found: list[dict[str, Any]] = self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': expr})}")["result"]
        return found

    def firing(self) -> list[dict[str, Any]]:
        """Return the alerts that fire now: `labels` and `annotations`."""
        return [alert for alert in self._get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"]

    def rule_errors(self) -> list[str]:
        """Return what could not be evaluated, by the name of the rule."""
        rules = [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]
        return [f"{rule['name']}: {rule['lastError']}" for rule in rules if rule.get("lastError")]

    def _get(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10.0)
        try:
            connection.request("GET", path)
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", answer
        return answer["data"]

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log.txt").read_text("utf-8")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2.0)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()
