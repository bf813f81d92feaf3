"""What an image means. Importing it says to ONNX Runtime, which every part loads after it, to keep to itself.

ONNX Runtime 1.31 and newer otherwise makes a device id in the home folder when it is imported, and sends events to its
maker; nothing that runs later could still say no. Whoever wants that sets the variable to 0.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
