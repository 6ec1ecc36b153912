"""What the tests of this room share."""

from ship_samples import dataset, material, network, run

__all__ = ["dataset", "material", "network", "run"]
