"""Given a video or a live stream, when the guide asks for pictures, then it gets the newest and no old
ones; what is none says so in a sentence.
"""

import asyncio
import threading
import time

import cv2
import numpy as np
import pytest
from aiohttp import web

from ar_picking.errors import PickingError
from ar_picking.sources import LiveCamera, VideoFile
from ar_picking.vision.camera import Camera


def grey_level(picture):
    return float(picture.mean())


@pytest.fixture
def video(tmp_path):
    """30 pictures a tenth of a second apart, each brighter than the one before."""
    path = tmp_path / "walk.mp4"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (320, 240))
    for k in range(30):
        out.write(np.full((240, 320, 3), 20 + 7 * k, np.uint8))
    out.release()
    return path


def test_a_video_is_shown_at_its_own_times(video):
    source = VideoFile(video, Camera.from_hfov)
    assert (source.camera.width, source.camera.height) == (320, 240)
    levels = []
    for t_ms in range(0, 3100, 50):
        frame = source.frame(t_ms)
        if frame is not None:
            levels.append((t_ms, grey_level(frame.picture)))
            assert frame.truth is None and frame.t_ms == t_ms
    source.close()
    assert len(levels) == 30 and source.ended
    for k, (t_ms, level) in enumerate(levels):
        assert t_ms == 100 * k and abs(level - (20 + 7 * k)) < 4
    assert source.actions() == []


def test_a_slow_guide_leaves_pictures_out(video):
    source = VideoFile(video, Camera.from_hfov)
    source.frame(0)
    assert abs(grey_level(source.frame(1000).picture) - 90) < 4
    assert source.frame(1000) is None and source.frame(1040) is None
    source.close()


def test_what_is_no_video_says_so(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"no video" * 99)
    for path, words in (
        (tmp_path / "none.mp4", "no such video"),
        (tmp_path / "x.mp4", "not a video"),
    ):
        with pytest.raises(PickingError, match=words):
            VideoFile(path, Camera.from_hfov)


class Stream:
    """A camera that serves MJPEG, as network cameras do; `pause` holds it."""

    def __init__(self):
        self.port, self.pause, self.level = 0, False, 0
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._up.wait(10)

    def _serve(self):
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/cam.mjpg", self._pictures)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._up.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _pictures(self, request):
        answer = web.StreamResponse(
            headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"}
        )
        await answer.prepare(request)
        try:
            while True:
                if not self.pause:
                    self.level = (self.level + 1) % 200
                    jpeg = cv2.imencode(".jpg", np.full((240, 320, 3), self.level, np.uint8))[1]
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    await answer.write(head.encode() + jpeg.tobytes() + b"\r\n")
                await asyncio.sleep(0.03)
        except (ConnectionResetError, asyncio.CancelledError):
            return answer

    def stop(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


def test_a_live_stream_gives_the_newest_picture_once(monkeypatch):
    monkeypatch.setattr("ar_picking.sources._SILENT_S", 0.6)
    stream = Stream()
    source = LiveCamera(f"http://127.0.0.1:{stream.port}/cam.mjpg", (320, 240), Camera.from_hfov)
    try:
        levels = []
        deadline = time.monotonic() + 20
        while len(levels) < 10 and time.monotonic() < deadline:
            frame = source.frame(10_000)
            if frame is not None:
                assert 9_850 <= frame.t_ms <= 10_000
                levels.append(grey_level(frame.picture))
            time.sleep(0.04)
        assert len(levels) == 10 and levels == sorted(levels)
        stream.pause = True
        with pytest.raises(PickingError, match="no picture for"):
            while time.monotonic() < deadline:
                source.frame(20_000)
                time.sleep(0.05)
        stream.pause = False  # so that the reading thread can end
    finally:
        source.close()
        stream.stop()


def test_a_camera_that_is_not_there_says_what_to_look_at():
    with pytest.raises(PickingError, match="plugged in"):
        LiveCamera("http://127.0.0.1:9/cam.mjpg", (320, 240), Camera.from_hfov)
