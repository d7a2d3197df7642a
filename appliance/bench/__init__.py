"""Measures the appliance from outside, through its front door, and its engines alone."""
