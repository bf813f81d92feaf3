"""Spoil a picture as the world does: noise, blur, weather and digital faults, for the robustness run."""

from __future__ import annotations

from models.evaluation.corruptions.catalogue import (
    CORRUPTIONS,
    SEVERITIES,
    Corruption,
    contact_sheet,
    corrupt,
    psnr_db,
)

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption", "contact_sheet", "corrupt", "psnr_db"]
