// Who this tablet is: paired once by a code, then known by a cookie that no script can read; and what it was given
// to start with.

async function json(path, options) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 8000);
  try {
    const answer = await fetch(path, { credentials: "same-origin", signal: stop.signal, ...options });
    return [answer.status, answer.ok ? await answer.json() : null];
  } catch {
    return [0, null]; // no network, or no JSON
  } finally {
    clearTimeout(timer);
  }
}

// Pairs with a one-time code. "" when it worked, else the key of what to say.
export async function pair(code) {
  const [status] = await json("/pair", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ code }),
  });
  return status === 200 ? "" : status === 0 ? "pair_failed" : "pair_refused";
}

// The code of a link from the box's screen; taken out of the address, where it must not stay.
export function codeOfAddress() {
  const code = /^#pair=([\w.~-]{1,64})$/.exec(location.hash)?.[1] ?? "";
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

// [session, store], or the key of what to say: "unpaired" or "no_box". Without the network the service worker
// answers with what was there the last time.
export async function open() {
  const [status, session] = await json("/session");
  if (status === 401 || status === 403) return "unpaired";
  if (!session) return "no_box";
  const [, store] = await json("/store.json");
  return store ? [session, store] : "no_box";
}

// The first page of a tablet came without the service worker, and so did its session: it is asked for once more
// through the worker, which keeps it for a start without the box.
export async function keepForLater() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  const is_first = !workers.controller;
  await workers.ready;
  if (!workers.controller) await new Promise((done) => workers.addEventListener("controllerchange", done, { once: true }));
  workers.controller.postMessage({ keep: true });
  if (is_first) await open();
}

// A store and a map of two versions: of a box that was just updated. Loads everything anew; false when that was
// done already and did not help.
export function loadAnew() {
  try {
    if (sessionStorage.getItem("anew") === "1") return false;
    sessionStorage.setItem("anew", "1");
  } catch {
    return false; // it would go on for ever
  }
  location.reload();
  return true;
}

export function isWhole() {
  try { sessionStorage.removeItem("anew"); } catch { /* refused */ }
}
