"""What the section `camera` measures with: bare Harvesters, the real camera process, a bystander."""
