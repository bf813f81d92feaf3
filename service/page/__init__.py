"""The page at `/`: files of this folder, and the map library that `python -m service.page.vendor` puts beside them."""
