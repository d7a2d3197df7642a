"""The benchmark: whole turns through a real client, many sessions at once, the engines alone."""
