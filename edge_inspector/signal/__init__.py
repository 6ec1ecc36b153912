"""The only daemon room that knows ZeroMQ: verdicts, heartbeats, telemetry, service."""
