"""The Voice Appliance: a private conversation with a machine on your own shelf."""

__version__ = "0.1.0"
