"""Why an answer is what it is: where a network looked, or which directions spoke for a place."""
