"""What does not run yet, and why: (program, mode) -> cause. A cause names what is missing."""
KNOWN = {
}
