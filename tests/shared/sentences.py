"""One of every sentence that is read, and some that are not; made up, no receiver's log."""

# One of every supported sentence, twice where an epoch closes; positions beyond 107.37 degrees east.
BODIES = (
    b"GNGGA,101500.00,3114.88000,N,12135.22000,E,1,14,0.90,12.4,M,9.7,M,,0000",
    b"GNGNS,101500.00,3114.88000,N,12135.22000,E,AAAAN,14,0.90,12.4,9.7,,,V",
    b"GNGLL,3114.88000,N,12135.22000,E,101500.00,A,A",
    b"GNGSA,A,3,02,07,14,15,17,20,22,30,,,,,1.5,0.9,1.2,1",
    b"GNGSA,A,3,01,06,36,39,59,,,,,,,,1.5,0.9,1.2,4",
    b"GPGSV,2,1,05,14,79,041,29,15,31,297,21,17,54,166,28,19,24,192,23,1",
    b"GPGSV,2,2,05,22,10,010,30,1",
    b"GBGSV,1,1,03,13,19,043,17,39,38,127,33,59,36,091,,1",
    b"PQGSV,1,1,02,13,19,043,17,39,38,127,33,0,4",
    b"GNRMC,101500.00,A,3114.88000,N,12135.22000,E,10.00,90.00,221126,,,A,V",
    b"GNVTG,90.00,T,,M,10.00,N,18.52,K,A",
    b"GNZDA,101500.00,22,11,2026,00,00",
    b"GNGST,101500.00,2.5,2.5,2.2,133,0.94,0.95,2.8",
    b"GNDTM,W84,,0.0,N,0.0,E,0.0,W84",
    b"GNTXT,01,01,02,ANTENNA OK",
    b"GNRMC,101501.00,A,3114.88100,N,12135.22000,E,10.00,90.00,221126,,,A,V",
    b"GNGGA,101502.00,3114.88200,N,12135.22000,E,1,14,0.90,12.4,M,9.7,M,,0000",
    b"GNRMC,,V,,,,,,,,,,N,V",
    b"GNRMC,181536.000,A,5936.79K,D",
    b"PMTK010,001",
    b"GNGGAH,101500.00,3114.88000,N,12135.22000,E,1,14,0.90,12.4,M,9.7,M,,0000",
)


def sentence(body):
    """Return `body` (bytes) between '$' and its checksum."""
    xor = 0
    for byte in body:
        xor ^= byte
    return b"$" + body + b"*%02X\r\n" % xor
