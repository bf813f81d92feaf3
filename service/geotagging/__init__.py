"""Positions for the photos of an archive: who has one, who gets one, and how it is written beside or into a file."""
