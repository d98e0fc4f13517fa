// Keeps what the page needs to start without Wi-Fi. The network comes first, always: a page, its code and its store
// must be of one version; what is kept is used when the box does not answer in time. Lists and picks are not here:
// they are in the guide's flash.

const NAME = "picking-1";
const WAIT_MS = 4000;
const PATHS = [
  "/", "/style.css", "/app.js", "/arrow.js", "/board.js", "/camera.js", "/card.js", "/controls.js", "/guide.js", "/guide_worker.js",
  "/latch.js", "/map.js", "/menu.js", "/paint.js", "/pose.js", "/project.js", "/scanner.js", "/screen.js", "/session.js", "/speech.js",
  "/style.js", "/vision.js", "/words.js", "/icon.svg", "/manifest.webmanifest", "/code.json", "/micropython.mjs",
  "/micropython.wasm", "/store.json", "/store.o2om",
];

self.addEventListener("install", (event) => {
  // One file that is missing must not keep the others from being kept.
  event.waitUntil((async () => {
    const cache = await caches.open(NAME);
    await Promise.allSettled(PATHS.map((path) => cache.add(path)));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== NAME) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const kept = PATHS.includes(url.pathname) || url.pathname === "/session" || url.pathname.startsWith("/clips/");
  if (!kept) return;
  event.respondWith(url.pathname.startsWith("/clips/") ? keptFirst(request) : networkFirst(request, url));
});

async function networkFirst(request, url) {
  const cache = await caches.open(NAME);
  const key = url.pathname; // ?glasses is the same page
  const answer = fetch(request).then(async (got) => {
    if (got.ok) await cache.put(key, got.clone());
    else if (url.pathname === "/session" && (got.status === 401 || got.status === 403)) await cache.delete(key);
    return got;
  });
  answer.catch(() => {});
  const late = new Promise((done) => setTimeout(done, WAIT_MS, null));
  try {
    const got = await Promise.race([answer, late]);
    if (got && got.status < 500) return got;
  } catch { /* no network */ }
  return (await cache.match(key)) ?? answer;
}

async function keptFirst(request) {
  const cache = await caches.open(NAME);
  const kept = await cache.match(request);
  if (kept) return kept;
  const got = await fetch(request);
  if (got.ok) await cache.put(request, got.clone());
  return got;
}
