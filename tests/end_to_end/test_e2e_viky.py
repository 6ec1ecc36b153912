"""The whole daemon on a producer that somebody else wrote."""

from __future__ import annotations

import yaml
from daemon import StartLine

N_PARTS = 150


def test_a_line_on_a_genicam_camera_judges_every_frame_in_order(make_line: StartLine) -> None:
    line = make_line()
    config = yaml.safe_load(line.config.read_text())
    config["camera"] = {
        "kind": "genicam",
        "cti": "viky",
        "serial": "1",
        "pixel_format": "Mono8",
        "frame": {"height": 112, "width": 128, "channels": 1},
        "features": {"AcquisitionFrameRate": 50.0},
        "buffers": 8,
    }
    config["image_health"] = {"saturated": "metric"}  # the ball bounces before pure white
    line.config.write_text(yaml.safe_dump(config))
    witness = line.listen()

    line.start()
    witness.wait_for_verdicts(N_PARTS)
    code = line.stop()

    verdicts = witness.messages("verdict")
    frame_ids = [verdict.body["frame_id"] for verdict in verdicts]
    assert code == 0
    assert frame_ids == list(range(frame_ids[0], frame_ids[0] + len(frame_ids)))
    assert {verdict.body["verdict"] for verdict in verdicts} <= {"PASS", "REJECT"}
    last = witness.messages("hb")[-1].body
    assert (last["state"], last["in_flight"]) == ("Halted", 0)
    # A camera waits for no witness, so the first verdicts may be missed; those that came are gapless to the last.
    assert [verdict.body["seq"] for verdict in verdicts][-1] == last["head_seq"] == last["triggers"]
