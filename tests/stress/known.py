"""What does not pass yet though it does natively, and why: (stressor, mode or *) -> cause."""
KNOWN = {}
