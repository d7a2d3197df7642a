"""Decides who may use the appliance: pairing, tokens, origins, rates. Pure.

No HTTP, no database, no clock: `now` is always a monotonic time in seconds that the caller passes
in, so that setting the clock neither keeps a code alive nor shortens a penalty.
"""
