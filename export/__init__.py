"""The workstation half: labelled pictures in, a calibrated, self-proving bundle out."""
