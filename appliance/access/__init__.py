"""Who may talk to the appliance: pure decisions. No HTTP, no database, no clock.

`now` is always a monotonic time in seconds that the caller hands in, so that setting the clock
neither keeps a code alive nor shortens a penalty.
"""
