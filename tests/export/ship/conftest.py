"""What the tests of this room share."""

from ship_samples import dataset, made, material, network, run, text

__all__ = ["dataset", "made", "material", "network", "run", "text"]
