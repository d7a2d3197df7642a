"""The reliability campaign: faults done to a real appliance, counted, and tabled.

    python -m tests.campaign [--scale 0.01] [--minutes 5] [ROW]…

Each row of docs/reliability.md is one module in `rows`: what is done, how often, and what would
count as lost. A row runs in a process of its own (`worker`), in namespaces of its own where it
needs them, against the real daemon on real sockets with the starter engines.
"""
