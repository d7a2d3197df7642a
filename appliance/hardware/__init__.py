"""What the machine is (detect), how it is doing (telemetry), and what it can carry (plan)."""
