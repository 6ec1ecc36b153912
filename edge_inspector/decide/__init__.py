"""From tile scores to a judgement. Pure."""
