"""A call that must be refused with ValueError."""


def refused(call, *given):
    """Tell whether `call(*given)` raises ValueError."""
    try:
        call(*given)
    except ValueError:
        return True
    return False
