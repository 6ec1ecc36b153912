"""Configurations that are right, to be made wrong."""

GOOD = """\
line: press-3
camera:
  kind: replay
  folder: pictures
  frame: {width: 512, height: 256, channels: 3}
  rate_hz: 1e1
model:
  bundle: bundle
state_dir: state
"""

GENICAM = """\
line: press-3
camera:
  kind: genicam
  cti: viky
  frame: {width: 512, height: 256, channels: 3}
  pixel_format: RGB8
model:
  bundle: bundle
state_dir: state
"""
