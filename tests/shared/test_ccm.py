"""CCM against the examples of SP 800-38C, RFC 3610, RFC 8998 and BTHome; AES against FIPS 197."""

from mutate import Chance, damaged, rounds
from refusal import refused

from protocols.aes import Aes
from protocols.aes_pure import PureAes
from protocols.ccm import Ccm
from protocols.sm4 import PureSm4, Sm4


def hexed(text):
    return bytes.fromhex(text)


def counting(first, end):
    return bytes(range(first, end))


class Blocks:
    """A cipher that offers its blocks alone, so that our CCM runs where the library would."""

    def __init__(self, cipher):
        self.encrypt = cipher.encrypt


def kinds(key):
    return (Aes(key), Blocks(Aes(key)), PureAes(key))


# FIPS 197, appendices B and C.1; SP 800-38A, F.1.1 (the four blocks at once).
BLOCKS = (
    (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
    ),
    (
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ),
    (
        "2b7e151628aed2a6abf7158809cf4f3c",
        (
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
        ),
        (
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
            "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
        ),
    ),
)


def test_aes_blocks():
    for key, block, wanted in BLOCKS:
        for cipher in kinds(hexed(key)):
            out = bytearray(hexed(block))
            cipher.encrypt(out, out)
            assert out == hexed(wanted), cipher


def test_aes_refuses_wrong_sizes():
    for kind in (Aes, PureAes):
        assert refused(kind, bytes(15)) and refused(kind, bytes(32))
        out = bytearray(b"\x55" * 16)
        for size in (0, 15, 17, 32):
            assert refused(kind(bytes(16)).encrypt, bytes(size), out), size
        assert out == b"\x55" * 16


def check(cipher, tag_size, nonce, aad, text, wanted):
    ccm = Ccm(cipher, tag_size, len(nonce))
    assert ccm.seal(nonce, text, aad) == wanted, (cipher, wanted)
    assert ccm.open(nonce, wanted, aad) == text, (cipher, wanted)
    assert ccm.open(memoryview(nonce), bytearray(wanted), memoryview(aad)) == text


def test_sp_800_38c():
    # Appendix C, examples 1 to 4; the last one's aad is 65,536 bytes, whose length takes six.
    for nonce, aad, text, wanted in (
        (counting(16, 23), counting(0, 8), counting(32, 36), "7162015b4dac255d"),
        (
            counting(16, 24),
            counting(0, 16),
            counting(32, 48),
            "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
        ),
        (
            counting(16, 28),
            counting(0, 20),
            counting(32, 56),
            "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5484392fbc1b09951",
        ),
        (
            counting(16, 29),
            counting(0, 256) * 256,
            counting(32, 64),
            (
                "69915dad1e84c6376a68c2967e4dab615ae0fd1faec44cc484828529463ccf72"
                "b4ac6bec93e8598e7f0dadbcea5b"
            ),
        ),
    ):
        wanted = hexed(wanted)
        tag_size = len(wanted) - len(text)
        if len(aad) < 65_536:
            for cipher in kinds(counting(64, 80)):
                check(cipher, tag_size, nonce, aad, text, wanted)
        else:  # 4,096 blocks: once is enough on the slow build
            ccm = Ccm(Blocks(Aes(counting(64, 80))), tag_size, len(nonce))
            assert ccm.seal(nonce, text, aad) == wanted


def test_where_the_aads_length_changes_its_form():
    # SP 800-38C, A.2.2: two bytes below 0xFF00, six from there on. The answers are OpenSSL's.
    key, nonce = counting(64, 80), counting(16, 29)
    for size, wanted in (
        (0xFEFF, "3dd507fa7555af725334f78d"),
        (0xFF00, "3dd507fa7d6cdd383c6c34f1"),
    ):
        ccm = Ccm(Blocks(Aes(key)), 8, 13)
        assert ccm.seal(nonce, b"text", bytes(size)) == hexed(wanted), size


# RFC 3610, section 8. Packets 1..12: the results; their inputs follow a rule (see the test).
PACKETS = (
    "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
    "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916",
    "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5",
    "a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1",
    "dcf1fb7b5d9e23fb9d4e131253658ad86ebdca3e51e83f077d9c2d93",
    "6fc1b011f006568b5171a42d953d469b2570a4bd87405a0443ac91cb94",
    "0135d1b2c95f41d5d1d4fec185d166b8094e999dfed96c048c56602c97acbb7490",
    "7b75399ac0831dd2f0bbd75879a2fd8f6cae6b6cd9b7db24c17b4433f434963f34b4",
    "82531a60cc24945a4b8279181ab5c84df21ce7f9b73f42e197ea9c07e56b5eb17e5f4e",
    "07342594157785152b074098330abb141b947b566aa9406b4d999988dd",
    "676bb20380b0e301e8ab79590a396da78b834934f53aa2e9107a8b6c022c",
    "c0ffa0d6f05bdb67f24d43a4338d2aa4bed7b20e43cd1aa31662e7ad65d6db",
)
# Packets 13..24: nonce (its last six bytes are the same in all), aad, text, result.
PACKETS_2 = (
    "00412b4ea9cdbe 0be1a88bace018b1 08e8cf97d820ea258460e96ad9cf5289054d895ceac47c",
    "4cb97f86a2a4689a877947ab8091ef5386a6ffbdd080f8e78cf7cb0cddd7b3",
    "0033568ef7b263 63018f76dc8a1bcb 9020ea6f91bdd85afa0039ba4baff9bfb79c7028949cd0ec",
    "4ccb1e7ca981befaa0726c55d378061298c85c92814abc33c52ee81d7d77c08a",
    "00103fe4133671 aa6cfa36cae86b40 b916e0eacc1c00d7dcec68ec0b3bbb1a02de8a2d1aa346132e",
    "b1d23a2220ddc0ac900d9aa03c61fcf4a559a4417767089708a776796edb723506",
    "00764c63b8058e d0d0735c531e1becf049c244 12daac5630efa5396f770ce1a66b21f7b2101c",
    "14d253c3967b70609b7cbb7c499160283245269a6f49975bcadeaf",
    "00f8b678094e3b 77b60f011c03e1525899bcae e88b6a46c78d63e52eb8c546efb5de6f75e9cc0d",
    "5545ff1a085ee2efbf52b2e04bee1e2336c73e3f762c0c7744fe7e3c",
    "00d560912d3f70 cd9044d2b71fdb8120ea60c0 6435acbafb11a82e2f071d7ca4a5ebd93a803ba87f",
    "009769ecabdf48625594c59251e6035722675e04c847099e5ae0704551",
    "0042fff8f1951c d85bc7e69f944fb8 8a19b950bcf71a018e5e6701c91787659809d67dbedd18",
    "bc218daa947427b6db386a99ac1aef23ade0b52939cb6a637cf9bec2408897c6ba",
    "00920f40e56cdc 74a0ebc9069f5b37 1761433c37c5a35fc1f39f406302eb907c6163be38c98437",
    "5810e6fd25874022e80361a478e3e9cf484ab04f447efff6f0a477cc2fc9bf548944",
    "0027ca0c7120bc 44a3aa3aae6475ca a434a8e58500c6e41530538862d686ea9e81301b5ae4226bfa",
    "f2beed7bc5098e83feb5b31608f8e29c38819a89c8e776f1544d4151a4ed3a8b87b9ce",
    "005b8ccbcd9af8 ec46bb63b02520c33c49fd70 b96b49e21d621741632875db7f6c9243d2d7c2",
    "31d750a09da3ed7fddd49a2032aabf17ec8ebf7d22c8088c666be5c197",
    "003ebe94044b9a 47a65ac78b3d594227e85e71 e2fcfbb880442c731bf95167c8ffd7895e337076",
    "e882f1dbd38ce3eda7c23f04dd65071eb41342acdf7e00dccec7ae52987d",
    "008d493b30ae8b 6e37a6ef546d955d34ab6059 abf21c0b02feb88f856df4a37381bce3cc128517d4",
    "f32905b88a641b04b9c9ffb58cc390900f3da12ab16dce9e82efa16da62059",
)


def test_rfc_3610():
    for i in range(12):
        nonce = bytes([0, 0, 0, 3 + i, 2 + i, 1 + i, i]) + hexed("a0a1a2a3a4a5")
        header = 8 if i % 6 < 3 else 12
        packet = counting(0, 31 + i % 3)
        wanted = hexed(PACKETS[i])
        for cipher in kinds(counting(0xC0, 0xD0)):
            check(cipher, 8 if i < 6 else 10, nonce, packet[:header], packet[header:], wanted)
    for i in range(0, 24, 2):
        nonce, aad, text = [hexed(word) for word in PACKETS_2[i].split()]
        wanted = hexed(PACKETS_2[i + 1])
        for cipher in kinds(hexed("d7828d13b2b0bdc325a76236df93cc6b")):
            check(cipher, 8 if i < 12 else 10, nonce + hexed("3c9696766cfa"), aad, text, wanted)


def test_rfc_8998():
    # A.2: SM4-CCM
    key = hexed("0123456789abcdeffedcba9876543210")
    text = b"".join([bytes([c]) * 8 for c in hexed("aabbccddeeffeeaa")])
    for cipher in (Sm4(key), PureSm4(key)):
        check(
            cipher,
            16,
            hexed("00001234567800000000abcd"),
            hexed("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            text,
            hexed(
                "48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094"
                "fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b"
                "16842d4fa186f56ab33256971fa110f4"
            ),
        )


def test_bthomes_published_advert():
    # bthome.io, "Encryption": MAC 54:48:E6:8F:80:A5, counter 00112233, temperature and humidity.
    for cipher in kinds(hexed("231d39c1d7cc1ab1aee224cd096db932")):
        check(
            cipher,
            4,
            hexed("5448e68f80a5d2fc4100112233"),
            b"",
            hexed("02ca0903bf13"),
            hexed("a47266c95f7378237214"),
        )


def test_empty_text_and_every_length_come_back():
    key = counting(64, 80)
    for cipher in (Aes(key), Blocks(Aes(key)), PureAes(key), PureSm4(key)):
        for tag_size, nonce_size in ((4, 13), (16, 12), (10, 7)):
            ccm = Ccm(cipher, tag_size, nonce_size)
            nonce = bytes(nonce_size)
            for size in range(0, 50, 1 if tag_size == 4 else 7):
                text = counting(0, size)
                for aad in (b"", b"x", text):
                    sealed = ccm.seal(nonce, text, aad)
                    assert type(sealed) is bytes and len(sealed) == size + tag_size
                    got = ccm.open(nonce, sealed, aad)
                    assert type(got) is bytes and got == text


def test_the_key_stream_counts_past_one_byte_of_blocks():
    key = counting(64, 80)
    text = bytes(300 * 16)
    sealed = Ccm(Blocks(Aes(key)), 4, 13).seal(bytes(13), text)
    blocks = {sealed[i : i + 16] for i in range(0, len(text), 16)}
    assert len(blocks) == 300  # a counter that wrapped would repeat its stream
    assert sealed == Ccm(Aes(key), 4, 13).seal(bytes(13), text)


def test_sizes_that_cannot_be():
    key = bytes(16)
    for cipher in kinds(key):
        for tag_size, nonce_size in ((3, 12), (5, 12), (2, 12), (18, 12), (16, 6), (16, 14)):
            assert refused(Ccm, cipher, tag_size, nonce_size), (tag_size, nonce_size)
        ccm = Ccm(cipher, 4, 13)
        assert refused(ccm.seal, bytes(12), b"x") and refused(ccm.seal, bytes(14), b"x")
        assert refused(ccm.seal, bytes(13), bytes(65536))
        assert ccm.open(bytes(12), bytes(20)) is None
        assert ccm.open(bytes(13), bytes(65536 + 4)) is None
        for size in range(4):
            assert ccm.open(bytes(13), bytes(size)) is None


def test_every_single_bit_counts():
    key = counting(64, 80)
    for cipher in (Aes(key), Blocks(Aes(key)), PureAes(key), Sm4(key), PureSm4(key)):
        ccm = Ccm(cipher, 8, 13)
        nonce, aad = counting(0, 13), b"header"
        sealed = ccm.seal(nonce, b"text", aad)
        for part in (nonce, sealed, aad):
            for bit in range(8 * len(part)):
                other = bytearray(part)
                other[bit >> 3] ^= 1 << (bit & 7)
                if part is nonce:
                    got = ccm.open(other, sealed, aad)
                elif part is aad:
                    got = ccm.open(nonce, sealed, other)
                else:
                    got = ccm.open(nonce, other, aad)
                assert got is None, (cipher, bit)
        assert ccm.open(nonce, sealed, aad) == b"text"  # and a refusal leaves nothing behind


def test_fuzz_damaged_bytes_never_open():
    chance = Chance("ccm")
    nonce = counting(0, 12)
    for cipher in (Aes(counting(64, 80)), Blocks(Aes(counting(64, 80))), Sm4(counting(64, 80))):
        ccm = Ccm(cipher, 16, 12)
        sealed = ccm.seal(nonce, b"13800138000, No. 1 Nanjing Road", b"rider-7")
        for _ in range(rounds(400)):
            other = damaged(sealed, chance)
            got = ccm.open(nonce, other, b"rider-7")
            assert (got is None) == (other != sealed), other
