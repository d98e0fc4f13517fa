// Questions to the gateway beside the stream: answers, or an error a person can read.

import { t } from "./words.js";

const ASK_MS = 15_000;

// GET a path; {body} or {error}.
export async function ask(path) {
  return answerOf(() => fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ASK_MS) }));
}

// POST JSON; {status, body} or {error}.
export async function tell(path, value) {
  return answerOf(() => fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value), signal: AbortSignal.timeout(ASK_MS),
  }));
}

async function answerOf(send) {
  try {
    const response = await send();
    if (response.status === 401) location.assign("/login");
    const body = await response.json().catch(() => ({}));
    if (response.ok) return { status: response.status, body };
    return { status: response.status, error: body.error ?? `HTTP ${response.status}` };
  } catch {
    return { status: 0, error: t("The gateway does not answer. Try again.") };
  }
}

// Who is logged in: {name, role, login}. A gateway without log-in serves its own machine only: admin.
export async function whoAmI() {
  const { status, body } = await ask("/api/me");
  return status === 404 ? { name: "", role: "admin", login: false } : body ?? { name: "", role: "viewer", login: true };
}

const ROLES = ["viewer", "dispatcher", "admin"];
export const may = (me, role) => ROLES.indexOf(me.role) >= ROLES.indexOf(role);
