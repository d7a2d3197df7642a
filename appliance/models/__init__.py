"""Models on disk: which there are, fetching them, and whether they are still what they were.

The only part of the appliance that goes out to the internet, and only when a person asks for it
with `appliance models pull`.
"""
