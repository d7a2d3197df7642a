"""The machine: detection of its parts, telemetry of its state, and the plan of its engines."""
