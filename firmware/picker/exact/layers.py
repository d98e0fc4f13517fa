"""One layer of the exact solver to the next: every state of the frontier before an edge, after it.

firmware.picker.exact.frontier says what a state and a value are. Each function takes the layer before
as two arrays and puts what becomes of it into a dict state -> value, the cheapest of each state. These
loops are where the solver's time goes, so they are written out: no calls, no tuples, few names.
"""

FAR = 0x3FFFFFFF  # the largest small int of a 32-bit board; wider values come with a wider `far`


def passed(states, values, out, slots, shut, costs, far):
    """An edge between two junctions that both stay, or that leave afterwards (`left`).

    slots: (shift and parity bit of the first end, of the second, parity bits that must be even, ones);
    costs: (once, twice, Picked or None), once and twice as values.
    """
    sa, xa, sb, xb, bad, ones = slots
    once, twice, picked = costs
    flip = xa | xb
    own_a = sa // 3 + 1
    own_b = sb // 3 + 1
    new_a = own_a << sa
    new_b = own_b << sb
    either = from_a = from_b = 0
    if picked:
        either, from_a, from_b = picked.either, picked.from_a, picked.from_b
        joins_a, joins_b, split = picked.joins_a, picked.joins_b, picked.split
    get = out.get
    for i in range(len(states)):
        st = states[i]
        v = values[i]
        la = st >> sa & 7
        lb = st >> sb & 7
        if la and lb:
            if not st & bad:
                w = v + either
                if w < get(st, far):
                    out[st] = w
            if shut:
                continue
            if la != lb:
                # everything joined to the higher of the two is now joined to the lower
                if la < lb:
                    x = st ^ ones * lb
                    st -= ((x | x >> 1 | x >> 2) & ones ^ ones) * (lb - la)
                else:
                    x = st ^ ones * la
                    st -= ((x | x >> 1 | x >> 2) & ones ^ ones) * (la - lb)
                if not st & bad:
                    w = v + twice
                    if w < get(st, far):
                        out[st] = w
            st ^= flip
            if not st & bad:
                w = v + once
                if w < get(st, far):
                    out[st] = w
            continue
        if la:
            if not st & bad:
                w = v + from_a
                if w < get(st, far):
                    out[st] = w
                if picked:
                    g = st | new_b
                    w = v + joins_b
                    if w < get(g, far):
                        out[g] = w
            if shut:
                continue
            if la <= own_b:
                st |= la << sb
            else:
                x = st ^ ones * la
                st -= ((x | x >> 1 | x >> 2) & ones ^ ones) * (la - own_b)
                st |= new_b
        elif lb:
            if not st & bad:
                w = v + from_b
                if w < get(st, far):
                    out[st] = w
                if picked:
                    g = st | new_a
                    w = v + joins_a
                    if w < get(g, far):
                        out[g] = w
            if shut:
                continue
            if lb <= own_a:
                st |= lb << sa
            else:
                x = st ^ ones * lb
                st -= ((x | x >> 1 | x >> 2) & ones ^ ones) * (lb - own_a)
                st |= new_a
        else:
            if not picked:
                if not st & bad:
                    w = v
                    if w < get(st, far):
                        out[st] = w
                if shut:
                    continue
                st |= (own_a if own_a < own_b else own_b) * (1 << sa | 1 << sb)
                if not bad:  # twice to an end that leaves would be a way to nothing
                    w = v + twice
                    if w < get(st, far):
                        out[st] = w
                st ^= flip
                if not st & bad:
                    w = v + once
                    if w < get(st, far):
                        out[st] = w
                continue
            if not st & bad:
                g = st | new_a
                w = v + from_a
                if w < get(g, far):
                    out[g] = w
                g = st | new_b
                w = v + from_b
                if w < get(g, far):
                    out[g] = w
                g |= new_a
                w = v + split
                if w < get(g, far):
                    out[g] = w
            if shut:
                continue
            st |= (own_a if own_a < own_b else own_b) * (1 << sa | 1 << sb)
        if not st & bad:
            w = v + twice
            if w < get(st, far):
                out[st] = w
        st ^= flip
        if not st & bad:
            w = v + once
            if w < get(st, far):
                out[st] = w


def moved(states, values, out, slots, shut, costs, far):
    """An edge whose first end leaves and whose second end, new, takes its slot over.

    Returns the cheapest value of a walk that ended in the first end, `far` when none did.
    """
    sa, xa, ones, comps = slots
    once, twice, picked = costs
    own = sa // 3 + 1
    bits = 7 << sa
    keep = ~bits
    new = own << sa
    ended = far
    from_a = from_b = 0
    if picked:
        from_a, from_b, joins_b = picked.from_a, picked.from_b, picked.joins_b
    get = out.get
    for i in range(len(states)):
        st = states[i]
        v = values[i]
        if st & xa:  # an odd junction must be left over this edge, once
            if not shut:
                w = v + once
                if w < get(st, far):
                    out[st] = w
            continue
        la = st >> sa & 7
        if not la:
            if picked:
                st |= new
                v += from_b
            if v < get(st, far):
                out[st] = v
            continue
        if not shut:
            w = v + twice
            if w < get(st, far):
                out[st] = w
        g = st & keep
        if la == own:  # the piece was named after the slot: the next higher one gives the name
            x = st ^ ones * la
            x = (x | x >> 1 | x >> 2) & ones ^ ones ^ 1 << sa
            if not x:
                if not g & comps:
                    w = v + from_a
                    if w < ended:
                        ended = w
                continue
            g += x * (_NAME[x & -x] - la)
        w = v + from_a
        if w < get(g, far):
            out[g] = w
        if picked:
            g |= new
            w = v + joins_b
            if w < get(g, far):
                out[g] = w
    return ended


def left(before, out, slots, far):
    """A junction with an even number of passes leaves; returns the cheapest whole walk, or `far`."""
    sa, ones, comps = slots
    own = sa // 3 + 1
    keep = ~(7 << sa)
    one = 1 << sa
    ended = far
    get = out.get
    for st in before:
        w = before[st]
        g = st & keep
        if st >> sa & 7 == own:
            x = st ^ ones * own
            x = (x | x >> 1 | x >> 2) & ones ^ ones ^ one
            if not x:
                if not g & comps and w < ended:
                    ended = w
                continue
            g += x * (_NAME[x & -x] - own)
        if w < get(g, far):
            out[g] = w
    return ended


def entered(states, values, out, slots, far):
    """An end of the walk is at this junction, `odd`: its parity bit when there are two of them."""
    sa, xa, odd = slots
    new = (sa // 3 + 1) << sa
    get = out.get
    for i in range(len(states)):
        st = states[i]
        w = values[i]
        if not st >> sa & 7:
            st |= new
        if odd:
            st ^= xa
        if w < get(st, far):
            out[st] = w


_NAME = {1 << 3 * s: s + 1 for s in range(10)}
