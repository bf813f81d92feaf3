"""Answers as OGC GeoPose 1.0: asked for by Accept, six degrees of freedom as far as they are known."""
