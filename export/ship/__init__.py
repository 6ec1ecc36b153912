"""From a run to a bundle that the line accepts: graph, INT8, proof, signature."""
