"""Numbers that were lost, and acks that lie: the ring goes on as a new log, and nothing is lost.

Runs under pytest and under MicroPython.
"""

from test_uplink import Board, Dice, Gateway, Line, exchange, new_flashes, run

from protocols import messages


def settle(board, line, gateway, dice):
    for _ in range(300):
        board.step()
        exchange(board, line, gateway, dice, 0, [])
        if not (board.journal.rings[0].pending or board.journal.rings[1].pending):
            break


def orders_of(gateway):
    return [
        values["order"]
        for log in gateway.accepted
        for _, kind, values in gateway.accepted[log]
        if kind == messages.ORDER
    ]


def test_a_damaged_byte_of_an_acked_record_costs_no_new_record():
    """Numbers that went back were acked as repeats, and the records under them lost for ever."""
    for record in range(6):
        line, gateway, dice = Line(), Gateway(), Dice(1)
        flashes = new_flashes()
        board = Board(flashes, dice, line)
        board.uplink.on_up(0)
        for number in range(1, 7):
            board.order(number)
        settle(board, line, gateway, dice)
        at = 24
        for _ in range(record):
            at += 6 + (flashes[0].data[at] | flashes[0].data[at + 1] << 8)
        flashes[0].data[at + 6 + 8] ^= 0x0F
        board = Board(flashes, dice, line)
        assert board.journal.rings[0].next == 7
        board.order(7)  # before the gateway has answered
        board.uplink.on_up(0)
        settle(board, line, gateway, dice)
        board.order(8)
        settle(board, line, gateway, dice)
        assert orders_of(gateway) == ["A%d" % number for number in range(1, 9)], record
        assert board.journal.rings[0].logs_begun == 0


def test_a_flash_restored_from_a_copy_goes_on_as_a_new_log():
    """Nothing on the flash tells that numbers were lost; the gateway's ack does."""
    for offline in (1, 3, 30):  # fewer and more than were lost
        line, gateway, dice = Line(), Gateway(), Dice(1)
        flashes = new_flashes()
        board = Board(flashes, dice, line)
        board.uplink.on_up(0)
        for number in range(1, 4):
            board.order(number)
        settle(board, line, gateway, dice)
        copy = bytes(flashes[0].data)
        for number in range(4, 9):
            board.order(number)
        settle(board, line, gateway, dice)
        flashes[0].data[:] = copy
        board = Board(flashes, dice, line)
        first = board.journal.rings[0].log
        for number in range(9, 9 + offline):
            board.order(number)
        board.uplink.on_up(0)
        settle(board, line, gateway, dice)
        board.order(9 + offline)
        settle(board, line, gateway, dice)
        ring = board.journal.rings[0]
        assert ring.log != first and ring.logs_begun == 1 and ring.pending == 0
        told = orders_of(gateway)
        for number in range(1, 10 + offline):
            assert "A%d" % number in told, (offline, number)
        new = [each[2]["order"] for each in gateway.accepted[ring.log]]
        assert new[-1 - offline :] == ["A%d" % number for number in range(9, 10 + offline)]
        assert Board(flashes, dice, line).journal.rings[0].log == ring.log  # over a restart too


def test_a_stream_of_forged_acks_does_not_wear_the_flash():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    flashes = new_flashes()
    board = Board(flashes, dice, line)
    board.order(1)
    board.temp(1)
    board.uplink.on_up(0)
    erases = flashes[0].erases + flashes[1].erases
    for number in range(200):
        for ring in board.journal.rings:
            board.ack(ring.log, 10 + number)
    assert flashes[0].erases + flashes[1].erases == erases + 2
    assert board.uplink.acks_ahead == 400
    settle(board, line, gateway, dice)
    assert orders_of(gateway) == ["A1"]
    assert [ring.pending for ring in board.journal.rings] == [0, 0]


def test_a_log_that_is_poisoned_again_gets_another_after_a_while():
    """Somebody moves the gateway's `next` of each new log: nothing is lost, and it is not for ever."""
    line, gateway, dice = Line(), Gateway(), Dice(1)
    board = Board(new_flashes(), dice, line)
    board.uplink.on_up(0)
    ring = board.journal.rings[0]
    for number in range(1, 4):
        gateway.next[ring.log] = 1_000_000 * number
        board.order(number)
        board.step(601_000)
        settle(board, line, gateway, dice)
        assert ring.pending == 0 and ring.logs_begun == number
    told = orders_of(gateway)
    assert [told.count("A%d" % number) for number in range(1, 4)] == [1, 1, 1]


def test_a_stream_of_forged_acks_wears_nothing_while_records_come():
    line, gateway, dice = Line(), Gateway(), Dice(1)
    flashes = new_flashes()
    board = Board(flashes, dice, line)
    board.uplink.on_up(0)
    for number in range(1, 101):
        board.order(number)
        board.ack(board.journal.rings[0].log, 5_000 + number)
        board.step(10_000)
        exchange(board, line, gateway, dice, 0, [])
    assert board.journal.rings[0].logs_begun == 2  # in 1,000 s
    settle(board, line, gateway, dice)
    told = orders_of(gateway)
    assert ["A%d" % number in told for number in range(1, 101)] == [True] * 100


def test_a_forged_ack_never_costs_a_record():
    def forge(board, dice):
        ring = board.journal.rings[dice(2)]
        if dice(5) == 0:
            board.ack(ring.log, ring.next + dice(50))

    for seed in range(6):
        board, gateway, written = run(seed, (0, 20)[seed % 2], 300, forge)
        assert board.uplink.acks_ahead
        told = orders_of(gateway)
        for number in range(1, written[0] + 1):
            assert "A%d" % number in told, (seed, number)
        adverts = [
            values["adverts"]
            for log in gateway.accepted
            for _, kind, values in gateway.accepted[log]
            if kind == messages.TEMP
        ]
        for number in range(1, written[1] + 1):
            assert number in adverts, (seed, number)
