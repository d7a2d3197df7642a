"""The models on disk: which there are, how they are fetched, and whether they are undamaged.

Nothing here goes out to the internet unless a person asks for it with `appliance models pull`
or at the installation.
"""
