// The page's language: English words are the keys, zh.js has the Chinese ones. Remembered by this browser.

import { ZH } from "./zh.js";

const KEY = "o2o-language";

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch { // a browser that keeps nothing
    return null;
  }
}

export const language = { now: stored() ?? (navigator.language?.startsWith("zh") ? "zh" : "en") };

// A text in the page's language; {0}, {1} ... are replaced by what follows.
export function t(text, ...values) {
  const said = language.now === "zh" && Object.hasOwn(ZH, text) ? ZH[text] : text;
  return values.length ? said.replace(/\{(\d)\}/g, (whole, i) => values[i] ?? whole) : said;
}

// Put the language into what index.html says: data-t is a text, data-t-title and data-t-label attributes.
export function translate(root = document) {
  document.documentElement.lang = language.now === "zh" ? "zh-Hans" : "en";
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-title]")) element.title = t(element.dataset.tTitle);
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of root.querySelectorAll("[data-t-hint]")) element.placeholder = t(element.dataset.tHint);
}

export function speak(name) {
  language.now = name;
  try {
    localStorage.setItem(KEY, name);
  } catch { /* said for this visit only */ }
  for (const template of document.querySelectorAll("template")) translate(template.content);
  translate();
}
