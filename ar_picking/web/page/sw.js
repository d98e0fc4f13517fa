// Keeps what the page needs to start without Wi-Fi: the files of one version, together. At every load all of them
// are asked for anew; they are taken when all have come, else the page gets the whole set that is kept. Never some of
// each: a new store on an old map leads to the wrong bins. Lists and picks are not here, they are in the guide's flash.

const SET = "picking-set-"; // and the version: one cache of files that belong together
const ALONE = "picking-alone"; // what has no version: the session, the clips
const WHOLE = "/.whole"; // in a set: nothing of it is missing
const WAIT_MS = 4000;
const BRING_MS = 120000;
const PATHS = [
  "/", "/style.css", "/app.js", "/arrow.js", "/board.js", "/camera.js", "/card.js", "/controls.js", "/guide.js", "/guide_worker.js",
  "/latch.js", "/map.js", "/menu.js", "/paint.js", "/pose.js", "/project.js", "/scanner.js", "/screen.js", "/session.js", "/speech.js",
  "/style.js", "/unsent.js", "/vision.js", "/words.js", "/icon.svg", "/manifest.webmanifest", "/code.json", "/micropython.mjs",
  "/micropython.wasm", "/store.json", "/store.o2om",
];


let pinned = null; // {name, files}: what the page that was loaded last is served from

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    // what a page may be served from just now stays
    try { if (!await newest()) await keep(await bring()); } catch { /* the page asks for it again */ }
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== ALONE && !name.startsWith(SET)) await caches.delete(name);
    await self.clients.claim();
  })());
});

// The page runs and says so: what could not be kept when this was installed is kept now.
self.addEventListener("message", (event) => {
  event.waitUntil((async () => {
    try { if (!await newest()) await keep(await bring()); } catch { /* the next load tries again */ }
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname; // ?glasses is the same page
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (path === "/" && request.mode === "navigate") event.respondWith(load(event));
  else if (PATHS.includes(path)) event.respondWith(served(request, path));
  else if (path === "/session") event.respondWith(session(request));
  else if (path.startsWith("/clips/")) event.respondWith(clip(event));
});

// -- the files of one version -----------------------------------------------------------------------------

// All files as they are at the box now, {name, files: path -> {bytes, headers}}; it throws when one does not come.
async function bring() {
  const signal = AbortSignal.timeout(BRING_MS);
  const files = new Map();
  const sums = new Map();
  await Promise.all(PATHS.map(async (path) => {
    const got = await fetch(path, { cache: "no-cache", signal });
    if (!got.ok) throw new Error(`${path}: ${got.status}`);
    const bytes = await got.arrayBuffer();
    const headers = [...got.headers].filter(([name]) => !["content-encoding", "content-length"].includes(name));
    files.set(path, { bytes, headers });
    sums.set(path, hex(await crypto.subtle.digest("SHA-256", bytes)));
  }));
  const all = PATHS.map((path) => sums.get(path)).join("");
  return { name: SET + hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(all))).slice(0, 16), files };
}

function hex(sum) { return [...new Uint8Array(sum)].map((each) => each.toString(16).padStart(2, "0")).join(""); }

function response({ bytes, headers }) { return new Response(bytes, { headers }); }

async function write(set) {
  const cache = await caches.open(set.name);
  for (const [path, file] of set.files) await cache.put(path, response(file));
  await cache.put(WHOLE, new Response(String(Date.now())));
}

// Keeps a set and lets go of the others; whether that worked. Where there is no room for two the old one goes first:
// a set that cannot be replaced would hold the tablet at its version.
async function keep(set) {
  try {
    if (await newest() === set.name) return true;
    try { await write(set); } catch { await forget(null); await write(set); }
    await forget(set.name);
    return true;
  } catch (fault) {
    console.info(`offline copy: ${fault.name}`);
    await forget(null).catch(() => {});
    return false;
  }
}

// Drops all sets but that one.
async function forget(name) {
  for (const each of await caches.keys()) if (each.startsWith(SET) && each !== name) await caches.delete(each);
}

// The name of the whole set that was kept last, or null.
async function newest() {
  let found = null;
  let when = -1;
  for (const name of await caches.keys()) {
    if (!name.startsWith(SET)) continue;
    const mark = await (await caches.open(name)).match(WHOLE);
    const at = mark ? Number(await mark.text()) : -1;
    if (at > when) { found = name; when = at; }
  }
  return found;
}

// The page is loaded: here, and only here, another version may begin.
async function load(event) {
  const coming = bring();
  const kept = newest().catch(() => null);
  const late = new Promise((done) => setTimeout(done, WAIT_MS, null));
  let set = null;
  try { set = await Promise.race([coming, late]); } catch { /* no network, or the box is starting */ }
  if (set) {
    pinned = set;
    event.waitUntil(keep(set));
    return response(set.files.get("/"));
  }
  const name = await kept;
  pinned = name ? { name, files: null } : null;
  // it may still come whole: for the next time, for this page has begun with the other
  event.waitUntil(coming.then((got) => (got.name === name ? null : write(got))).catch(() => {}));
  return served(event.request, "/");
}

async function served(request, path) {
  const file = pinned?.files?.get(path);
  if (file) return response(file);
  let kept = null;
  try {
    const name = pinned?.name ?? await newest();
    kept = name && await (await caches.open(name)).match(path);
  } catch { /* the storage gives nothing: the network may */ }
  return kept || fetch(request);
}

// -- what has no version ------------------------------------------------------------------------------------

// An answer is handed on whether it could be kept or not.
async function put(key, answer) {
  try { await (await caches.open(ALONE)).put(key, answer); } catch (fault) { console.info(`offline copy: ${fault.name}`); }
}

async function kept(key) {
  try { return await (await caches.open(ALONE)).match(key); } catch { return undefined; }
}

async function session(request) {
  const answer = fetch(request).then(async (got) => {
    if (got.ok) await put("/session", got.clone());
    else if (got.status === 401 || got.status === 403) await (await caches.open(ALONE)).delete("/session").catch(() => {});
    return got;
  });
  answer.catch(() => {});
  const late = new Promise((done) => setTimeout(done, WAIT_MS, null));
  try {
    const got = await Promise.race([answer, late]);
    if (got && got.status < 500) return got;
  } catch { /* no network */ }
  return (await kept("/session")) ?? answer;
}

async function clip(event) {
  const found = await kept(event.request);
  if (found) return found;
  const got = await fetch(event.request);
  if (got.ok) event.waitUntil(put(event.request, got.clone()));
  return got;
}
