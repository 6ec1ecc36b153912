"""The workstation's commands, one file a room."""
