"""What a model is worth: statistics, calibration, reports."""
