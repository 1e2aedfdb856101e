class RunError(Exception):
    """Something the user asked for can't be done; the message is one line and says what can."""
