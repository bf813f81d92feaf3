"""Several photos in one request: each answered for itself (a batch), or all as one place (a set)."""
