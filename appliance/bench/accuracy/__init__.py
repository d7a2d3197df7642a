"""The yardstick of hearing and of turn taking: speech made at run time, errors counted."""
