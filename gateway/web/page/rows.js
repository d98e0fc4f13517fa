// What the lists are made of. Everything in them is outside input and reaches the document through
// textContent only.

export const $ = (id) => document.getElementById(id);

// Writing only what changed keeps the lists calm and a text selection alive. Characters that turn the
// direction of what follows are shown as a sign: they could make one id read as another.
export function setText(element, text) {
  const shown = String(text).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  if (element.textContent !== shown) element.textContent = shown;
}

// Make `wanted` the children of `parent` and move nothing that already stands right.
export function arrange(parent, wanted) {
  let place = parent.firstElementChild;
  for (const element of wanted) {
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  while (place) {
    const next = place.nextElementSibling;
    place.remove();
    place = next;
  }
}

export function fromTemplate(id) {
  const row = $(id).content.firstElementChild.cloneNode(true);
  return { row, parts: Object.fromEntries([...row.querySelectorAll("[data-f]")].map((part) => [part.dataset.f, part])) };
}

// list: [text, tone] each.
export function chips(parent, list) {
  while (parent.childElementCount > list.length) parent.lastElementChild.remove();
  list.forEach(([text, tone], i) => {
    const chip = parent.children[i] ?? parent.appendChild(document.createElement("bdi"));
    setText(chip, text);
    if (chip.className !== (tone ?? "")) chip.className = tone ?? "";
  });
}

// An element with a class and a text.
export function made(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) setText(element, text);
  return element;
}

export const plain = (word) => String(word ?? "").replaceAll("_", " ");
// The parts that are there, in one line.
export const line = (...parts) => parts.filter((part) => part !== undefined && part !== null && part !== false && part !== "").join(" ");
export const dots = (...parts) => parts.filter(Boolean).join(" · ");
