"""Fixes with noisy GPS and photos: what is believed of each, of each device over time, and when to ring an alarm."""
