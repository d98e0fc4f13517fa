"""Given clip ids with their words, when they are spoken, then small even files are there, and a
recording is never lost.
"""

import io
import re
import wave

import numpy as np
import pytest

from ar_picking.errors import ConfigError, PickingError
from ar_picking.guide.words import CLIPS
from ar_picking.web import clips
from tools.parts import require

FEW = {"go_to": ("去", "Go to"), "digit_3": ("三", "three"), "odd": ("--help; <b>", "-v nobody")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    for part in ("espeak-ng", "oggenc"):
        require(part)
    folder = tmp_path_factory.mktemp("clips")
    return folder, clips.make(folder, FEW, "ogg", 170)


def test_each_clip_is_a_small_ogg_in_both_languages(made):
    folder, told = made
    assert told["clips"] == 6 and told["recorded_kept"] == []
    for language in ("zh", "en"):
        for name in FEW:
            data = (folder / language / f"{name}.ogg").read_bytes()
            assert data[:4] == b"OggS" and b"vorbis" in data[:64] and 2000 < len(data) < 40_000
    assert told["bytes"] == sum(path.stat().st_size for path in folder.glob("*/*.ogg"))
    assert "synthesised" in (folder / "README.txt").read_text(encoding="utf-8")


def test_the_same_words_give_the_same_files(made, tmp_path):
    clips.make(tmp_path, {"go_to": FEW["go_to"]}, "ogg", 170)
    assert (tmp_path / "zh/go_to.ogg").read_bytes() == (made[0] / "zh/go_to.ogg").read_bytes()


def test_a_recorded_clip_is_kept(tmp_path):
    clips.make(tmp_path, {"go_to": FEW["go_to"]}, "wav", 170)
    (tmp_path / "zh/go_to.wav").write_bytes(b"a person's voice")
    told = clips.make(tmp_path, {"go_to": FEW["go_to"]}, "wav", 250)
    assert told["recorded_kept"] == ["zh/go_to.wav"] and told["clips"] == 1
    assert (tmp_path / "zh/go_to.wav").read_bytes() == b"a person's voice"
    (tmp_path / clips.MADE).write_text("[" * 100_000)  # lost: then everything counts as recorded
    assert clips.make(tmp_path, {"go_to": FEW["go_to"]}, "wav", 170)["clips"] == 0


def test_clips_are_even_and_without_silence_around(tmp_path):
    clips.make(tmp_path, FEW, "wav", 170)
    powers = []
    for path in sorted(tmp_path.glob("*/*.wav")):
        with wave.open(io.BytesIO(path.read_bytes())) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(10**7), "<i2") / 32768
        loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
        assert loud[0] <= 0.05 * rate and len(samples) - loud[-1] <= 0.05 * rate
        assert np.abs(samples).max() <= 0.9
        powers.append(np.sqrt(np.mean(samples[np.abs(samples) > 0.1 * np.abs(samples).max()] ** 2)))
    assert len(powers) == 6 and max(powers) / min(powers) < 1.6


def test_every_hint_of_the_guide_can_be_a_file_name():
    assert len(CLIPS) > 40
    for name, texts in CLIPS.items():
        assert re.fullmatch("[A-Za-z0-9_]{1,32}", name) and len(texts) == 2 and all(texts)
    assert len({name.lower() for name in CLIPS}) == len(CLIPS)  # on disks that know no case


def test_what_cannot_be_is_refused_with_what_to_do(tmp_path, monkeypatch):
    for name in ("../x", "", "a b", "x" * 40):
        with pytest.raises(ConfigError, match="clip id"):
            clips.make(tmp_path, {name: ("去", "go")}, "wav", 170)
    with pytest.raises(ConfigError, match="80 to 400"):
        clips.make(tmp_path, FEW, "wav", 5)
    with pytest.raises(PickingError, match="no voice 'no-such'"):
        clips.need_voice(clips.program("espeak-ng", "x"), "no-such")
    with pytest.raises(PickingError, match="espeak-ng gave no sound"):
        clips.spoken(_echo(tmp_path), "hello", "cmn", 170)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="apt-get install espeak-ng"):
        clips.make(tmp_path, FEW, "wav", 170)


def _echo(folder):
    """A program that speaks no sound."""
    path = folder / "echo.sh"
    path.write_text("#!/bin/sh\necho hello\n")
    path.chmod(0o755)
    return str(path)


def test_the_command_says_what_it_made(tmp_path, capsys):
    from tools.cli import main

    assert main(["ar", "clips", "--out", str(tmp_path), "--rate", "1"]) == 2
    assert "80 to 400" in capsys.readouterr().err
