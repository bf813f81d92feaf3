"""What the ground looks like from above."""

import models  # noqa: F401  # first of all: it says to ONNX Runtime, which some files here load before it, to be quiet
