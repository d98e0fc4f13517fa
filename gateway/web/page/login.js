// Log-in: by name and password, or by a link whose secret stands behind the # and so in no server's log.

const $ = (id) => document.getElementById(id);

function tell(text, isBad = false) {
  $("told").textContent = text;
  $("told").className = isBad ? "bad" : "";
}

async function post(path, body) {
  $("go").disabled = true;
  tell("…");
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    tell((await answer.json()).error, true);
  } catch {
    tell("The gateway does not answer. Try again.", true);
  }
  $("go").disabled = false;
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  post("/login", { name: $("name").value, password: $("password").value });
});

function useLink() {
  const link = new URLSearchParams(location.hash.slice(1)).get("link");
  if (!link) return;
  history.replaceState(null, "", "/login"); // it must not stay in the address bar and the history
  post("/login/link", { link });
}

addEventListener("hashchange", useLink);
useLink();
