"""What a journal says became of its lists: the guide that stands where the journal ends.

For whoever has the entries and not the tablet: support, tests, a tablet whose snapshots are gone.
"""

from ar_picking.guide.machine import Guide


def replayed(shop, lists, entries):
    """(guide, None), or (None, reason) where the entries do not fit together.

    lists: the lists as they were handed in, in their sequence; entries: [(event, fields)] as the pick
    records have them, from the first on. What is said of lists that wait (list_taken,
    list_refused) is passed over. The guide cannot go on: it has no journal.
    """
    guide = Guide(shop, _no_journal)
    for obj in lists:
        code = guide.event({"type": "list", "list": obj}, 0)
        if code is not None:
            return None, guide.detail or code
    for number, (event, fields) in enumerate(entries):
        if event not in ("list_refused", "list_taken") and not guide.apply(event, fields):
            return None, "entry {} of the journal, {}, does not fit what is before it".format(
                number + 1, event
            )
    return guide, None


def _no_journal(_event, _fields):
    return False
