"""Where a moving camera is, step by step: a belief that is predicted, weighed and told. No HTTP in here.

tracker = tracker_of(localizer.likelihoods)
step = tracker.step(None, Observation(time_s, PhotoFrame(localizer.likelihoods, view)))
step = tracker.step(step.belief, Observation(time_s + 1, PhotoFrame(...), motion=Odometry(7.9, turn_deg=2.0)))
print(step.estimate.status, step.estimate.places[0], len(step.belief.to_bytes()))
"""

from service.tracking.belief import Belief as Belief
from service.tracking.belief import belief_of as belief_of
from service.tracking.frame import PhotoFrame as PhotoFrame
from service.tracking.motion import Odometry as Odometry
from service.tracking.motion import Velocity as Velocity
from service.tracking.step import Fix as Fix
from service.tracking.step import Observation as Observation
from service.tracking.step import Step as Step
from service.tracking.step import Tracker as Tracker
from service.tracking.step import tracker_of as tracker_of
