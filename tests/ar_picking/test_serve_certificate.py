"""A site's own certificates last as long as the site does, and a damaged file says so."""

import datetime
import ssl
import stat
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from edge_box import ME, pair, run, running

from ar_picking.errors import ConfigError
from ar_picking.web.certificate import SiteCertificate, certificate_names, own_names, server_context


def test_the_box_certificate_is_renewed_in_time_and_the_authority_stays(tmp_path):
    now = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    day = datetime.timedelta(days=1)
    site = SiteCertificate(tmp_path, ["box.shop", "10.0.0.7", "::1"], now)
    ca, box = site.ca_path.read_bytes(), site.paths[0].read_bytes()
    first = x509.load_pem_x509_certificate(box)
    assert certificate_names(first) == {"box.shop", "10.0.0.7", "::1"}
    assert first.not_valid_after_utc - first.not_valid_before_utc < 398 * day
    assert not site.renew(now + 149 * day) and site.paths[0].read_bytes() == box
    assert site.renew(now + 151 * day) and site.paths[0].read_bytes() != box
    assert not SiteCertificate(tmp_path, ["box.shop"], now + 151 * day).renew(now + 151 * day)
    more = SiteCertificate(tmp_path, ["box.shop", "new.shop"], now + 151 * day)
    assert "new.shop" in certificate_names(
        x509.load_pem_x509_certificate(more.paths[0].read_bytes())
    )
    assert more.ca_path.read_bytes() == ca
    with pytest.raises(ConfigError, match="let the tablets trust the new one"):
        site.renew(now + 3_640 * day)


@pytest.mark.parametrize("name", ["ca.pem", "ca.key.pem", "box.pem"])
def test_a_damaged_certificate_says_which_and_what_to_do(tmp_path, name):
    SiteCertificate(tmp_path, ["box.shop"])
    (tmp_path / name).write_bytes(b"-----BEGIN")
    with pytest.raises(ConfigError, match=name):
        SiteCertificate(tmp_path, ["box.shop"])


class CutError(BaseException):
    """The power goes."""


@pytest.mark.parametrize("cut_at", [1, 2, 3, 4])
def test_a_power_cut_in_the_first_start_is_made_good_by_the_next(tmp_path, monkeypatch, cut_at):
    left = [cut_at]
    replace = Path.replace

    def replaced(path, to):
        left[0] -= 1
        if left[0] == 0:
            raise CutError
        return replace(path, to)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replaced)
        with pytest.raises(CutError):
            SiteCertificate(tmp_path, ["box.shop"])
    server_context(*SiteCertificate(tmp_path, ["box.shop"]).paths)


def test_a_power_cut_in_a_renewal_is_made_good_by_the_next_start(tmp_path):
    site = SiteCertificate(tmp_path / "a", ["box.shop"])
    ca = site.ca_path.read_bytes()
    SiteCertificate(tmp_path / "b", ["box.shop"])
    (tmp_path / "b" / "box.key.pem").replace(tmp_path / "a" / "box.key.pem")
    server_context(*SiteCertificate(tmp_path / "a", ["box.shop"]).paths)
    assert site.ca_path.read_bytes() == ca


def test_an_authority_without_its_key_says_what_to_do(tmp_path):
    site = SiteCertificate(tmp_path, ["box.shop"])
    (tmp_path / "ca.key.pem").unlink()
    with pytest.raises(ConfigError, match=r"ca\.key\.pem is not there: put it back"):
        site.renew()


def test_an_authority_with_another_ones_key_is_refused(tmp_path):
    SiteCertificate(tmp_path / "a", ["box.shop"])
    SiteCertificate(tmp_path / "b", ["box.shop"])
    (tmp_path / "a" / "ca.key.pem").write_bytes((tmp_path / "b" / "ca.key.pem").read_bytes())
    with pytest.raises(ConfigError, match="is not the key of"):
        SiteCertificate(tmp_path / "a", ["box.shop"])
    with pytest.raises(ConfigError, match="without a password"):
        server_context(tmp_path / "a" / "box.pem", tmp_path / "b" / "box.key.pem")


def test_a_site_certificate_of_our_own_is_trusted_by_name_and_by_address(store, tmp_path):
    async def doing():
        site = SiteCertificate(tmp_path, own_names("127.0.0.1"))
        for path in tmp_path.glob("*.key.pem"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        tls = server_context(*site.paths)
        trust = ssl.create_default_context(cafile=site.ca_path)
        async with running(store, tls=tls, names=own_names("")) as (box, browser):
            assert box.url.startswith("https://127.0.0.1:")
            me, cookie = await pair(box, browser, ME, ssl=trust)
            assert cookie.startswith("__Host-") and "Secure" in cookie
            for host in ("127.0.0.1", "localhost"):
                url = box.url.replace("127.0.0.1", host)
                async with browser.get(url + "session", headers=me, ssl=trust) as answer:
                    assert answer.status == 200
                origin = {**me, "Origin": url.rstrip("/")}
                async with browser.ws_connect(url + "vision", headers=origin, ssl=trust):
                    pass
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await browser.get(box.url)
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.load_verify_locations(site.ca_path)
            with pytest.warns(DeprecationWarning):
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises(aiohttp.ClientConnectorError):
                await browser.get(box.url, ssl=old)

    run(doing)
