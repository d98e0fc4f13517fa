"""Replies of modems for the shared tests: forms of makers' manuals and public logs, places made up."""

POSITIONS = (
    b"+QGPSLOC: 202008.0,31.23000,121.47000,2.5,4.0,3,0.00,36.0,19.4,290126,09",
    b"+QGPSLOC: 142748.0,2211.1111S,04322.2222W,2.0,-83.0,3,0.00,0.0,0.0,140119,10",
    b"+CGNSSINFO: 3,15,,01,01,52.1234567,N,7.7654321,E,040125,091435.00,121.7,2.0,161.5,4.1,2.2,3.4,05",
    b"+CGNSSINFO: 2,09,05,00,3113.330650,N,12121.262554,E,131117,091918.0,32.9,0.0,255.0,1.1,0.8,0.7",
    b"+CGPSINFO: 3411.111111,S,05822.222222,W,310520,210511.0,6.6,0.0,0.0",
    b"+CGNSINF: 1,1,20180426125307.000,22.123456,114.654321,2.4,3.60,208.1,1,,1.5,1.7,,,12,10,,,33,,",
    b"+CLBS: 0,106.638084,29.489428,550,2020/6/17,9:34:16",
    b"+CIPGSMLOC: 0,25.012345,55.012345,2017/11/24,09:43:57",
    b"+QCELLLOC: 120.012345,30.212345",
    b"+QLBS: 0,117.212345,31.812345",
)

CELLS = (
    b'+QENG: "servingcell","NOCONN","LTE","TDD",460,00,2C5D704,367,38950,40,5,5,27B7,-78,-7,-50,22',
    b'+QENG: "servingcell","CONN","NR5G-SA","TDD",460,11,94203C105,543,8EB001,627264,78,12,-90,-11,7',
    b'+QENG: "NR5G-NSA",222,01,920,-96,18,-10,648768,78,10,1',
    b"+CPSI: LTE,Online,460-11,0x5A1E,187214780,257,EUTRAN-BAND3,1850,5,5,-94,-850,-545,15",
    b"+CPSI: NR5G_SA,Online,242-12,0x765D,4955280,0,NR5G_BAND78,640704,-770,-110,290",
    b'+C5GREG: 2,1,"0000C3","000000010000001A",11,4,"01.010203"',
    b"+CSQ: 20,99",
    b'+QCSQ: "LTE",-65,-95,150,-12',
)


def state(thing):
    """Return everything a parser holds that a caller can see."""
    held = []
    for name in dir(thing):
        if name[0] == "_":
            continue
        value = getattr(thing, name)
        if isinstance(value, (int, bytes, bool)):
            held.append((name, value))
        elif isinstance(value, list):
            held.append((name, tuple(value)))
        elif name in ("signal", "leg"):
            held.append((name, tuple(state(value))))
    return held
