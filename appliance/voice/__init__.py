"""The voice pipeline. The only package that imports Pipecat, and therefore heavy to import:
the composition root imports it after the port is open."""
