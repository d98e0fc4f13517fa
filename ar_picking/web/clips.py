"""Spoken hints as small sound files, made by a speech synthesizer until somebody records them.

espeak-ng (a program, found on PATH) speaks; silence is cut off and the level made even here; oggenc
packs it as Ogg Vorbis. A file that a person recorded is told by its sum, which is not in `made.json`,
and is never written over.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ar_picking.errors import ConfigError, PickingError

VOICES = {"zh": "cmn", "en": "en-gb"}
FORMATS = ("ogg", "wav")
MADE = "made.json"  # what was synthesised: {"zh/go_to.ogg": sha256}
README = "README.txt"
_TIMEOUT_S = 20
_MOST_S = 20.0  # of one clip; a hint is a few words
_RMS = 0.12  # of full scale, over what is loud
_PEAK = 0.89  # -1 dB
_QUIET = 0.02  # of the peak: what is cut off at both ends
_MARGIN_S = 0.03
_RATES_HZ = (8000, 48000)
_HINT = "install it (Debian: apt-get install {}), or put recorded clips in place"
_WORDS = """\
These clips were synthesised by espeak-ng; nobody spoke them. To replace one, put your recording in its
place under the same name (zh/go_to.ogg, ...): a file that is not the one listed in made.json is kept.

这些语音由 espeak-ng 合成，不是真人录音。替换时用同名文件覆盖即可，重新生成时不会被改写。
"""

Samples = NDArray[np.float64]


def make(
    folder: Path, clips: Mapping[str, tuple[str, str]], kind: str, words_a_minute: int
) -> dict[str, Any]:
    """Write zh/ and en/ with a file for each clip id: {id: (zh, en)}; the counts and bytes.

    Recorded files are kept. ConfigError: an id that is no file name, a program that is not there.
    PickingError when a program fails, with its words.
    """
    for name in clips:
        if not re.fullmatch("[A-Za-z0-9_]{1,32}", name):
            raise ConfigError(f"clip id '{name[:40]}' is not a word of letters, digits and _")
    if not 80 <= words_a_minute <= 400:
        raise ConfigError(f"--rate is 80 to 400 words a minute, not {words_a_minute}")
    espeak = program("espeak-ng", "espeak-ng")
    oggenc = program("oggenc", "vorbis-tools") if kind == "ogg" else ""
    for voice in VOICES.values():
        need_voice(espeak, voice)
    made = _made(folder)
    kept, written, size = [], 0, 0
    for at, (language, voice) in enumerate(VOICES.items()):
        (folder / language).mkdir(parents=True, exist_ok=True)
        for name, texts in clips.items():
            key = f"{language}/{name}.{kind}"
            path = folder / key
            if path.exists() and _sum(path.read_bytes()) != made.get(key):
                kept.append(key)
                continue
            samples, rate_hz = spoken(espeak, texts[at], voice, words_a_minute)
            sound = levelled(trimmed(samples, rate_hz))
            data = ogg(oggenc, sound, rate_hz) if kind == "ogg" else wav(sound, rate_hz)
            path.write_bytes(data)
            made[key] = _sum(data)
            written += 1
            size += len(data)
    text = json.dumps(made, indent=0, sort_keys=True) + "\n"
    (folder / MADE).write_text(text, encoding="utf-8")
    (folder / README).write_text(_WORDS, encoding="utf-8")
    return {"clips": written, "bytes": size, "recorded_kept": kept, "synthesised_by": "espeak-ng"}


def program(name: str, package: str) -> str:
    """The path of a program; ConfigError says which package brings it."""
    found = shutil.which(name)
    if found is None:
        raise ConfigError(f"{name} is not on this machine: {_HINT.format(package)}")
    return found


def need_voice(espeak: str, voice: str) -> None:
    """PickingError when a voice is missing: espeak-ng would speak with another one and not say so."""
    known = _run([espeak, f"--voices={voice}"], b"", "espeak-ng").decode("utf-8", "replace")
    if not any(line.split()[1:2] == [voice] for line in known.splitlines()):
        raise PickingError(f"espeak-ng has no voice '{voice}': install espeak-ng-data whole")


def spoken(espeak: str, text: str, voice: str, words_a_minute: int) -> tuple[Samples, int]:
    """A text as samples -1..1, shape (n,), and their rate in Hz.

    PickingError when the program is not espeak-ng or gives no sound.
    """
    # by stdin: a text that begins with a dash is no option
    command = [espeak, "-v", voice, "-s", str(words_a_minute), "--stdin", "--stdout"]
    data = _run(command, text.encode("utf-8"), "espeak-ng")
    try:
        with wave.open(io.BytesIO(data)) as file:
            rate_hz, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            frames = file.readframes(int(_MOST_S * 48000))
    except (wave.Error, EOFError) as fault:
        raise PickingError(f"espeak-ng gave no sound for '{text}': {fault}") from fault
    if channels != 1 or width != 2 or not _RATES_HZ[0] <= rate_hz <= _RATES_HZ[1]:
        raise PickingError("espeak-ng gave another kind of sound than 16 bit mono")
    samples = np.frombuffer(frames[: len(frames) // 2 * 2], "<i2") / 32768.0
    if not len(samples) or not np.abs(samples).max() > 0:
        raise PickingError(f"espeak-ng says nothing for '{text}': is the voice {voice} installed?")
    return samples, rate_hz


def trimmed(samples: Samples, rate_hz: int) -> Samples:
    """Without the silence before and after, but for 30 ms of it."""
    loud = np.flatnonzero(np.abs(samples) > _QUIET * np.abs(samples).max())
    margin = int(_MARGIN_S * rate_hz)
    return samples[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]


def levelled(samples: Samples) -> Samples:
    """As loud as the others: an even mean power where it is loud, and never clipped."""
    peak = float(np.abs(samples).max())
    loud = samples[np.abs(samples) > 0.1 * peak]
    gain = min(_RMS / float(np.sqrt(np.mean(loud * loud))), _PEAK / peak)
    return np.asarray(samples * gain)


def wav(samples: Samples, rate_hz: int) -> bytes:
    """Samples as a 16 bit WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def ogg(oggenc: str, samples: Samples, rate_hz: int) -> bytes:
    """Samples as Ogg Vorbis; the same samples always give the same bytes."""
    command = [oggenc, "--quiet", "-q", "1", "--serial", "1", "-o", "-", "-"]
    return _run(command, wav(samples, rate_hz), "oggenc")


def _run(command: list[str], data: bytes, name: str) -> bytes:
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise PickingError(f"{name} does not work: {fault}") from fault
    if done.returncode or not done.stdout:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise PickingError(f"{name} failed: {words[-1] if words else done.returncode}")
    return done.stdout


def _made(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / MADE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
