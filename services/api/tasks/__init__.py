"""Tasks: what somebody has to do in the field, from the offer to the evaluation of the result."""
