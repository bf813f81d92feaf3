"""Cameras in space: the homography of a plane, rotations, the earth, poses on it and the heights of the ground."""
