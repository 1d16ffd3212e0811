"use strict";
// State of the page (setting, hidden variants, theme), its listeners, and the filters of the tables.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const D = JSON.parse($("#data").textContent);
const listeners = [];
const state = { setting: D.settings[0], hidden: new Set() };

/** An element with text, never markup: what a run wrote is shown as it is. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

/** What `vn.compare.page.packed` made of a text, as a response to read as text or JSON. */
function unpacked(element) {
  const bytes = Uint8Array.from(atob(element.textContent), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

const onChange = (listener) => listeners.push(listener);
const changed = (what) => listeners.forEach((listener) => listener(what));
const shownVariants = () => D.variants.map((_, i) => i).filter((i) => !state.hidden.has(i));
const option = (value, text) => element("option", { value }, text);

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  changed("theme");
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
document.documentElement.dataset.theme = prefersDark.matches ? "dark" : "light";
prefersDark.addEventListener("change", () => setTheme(prefersDark.matches ? "dark" : "light"));
$("#theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));

$$("#setting input").forEach((input) => {
  input.addEventListener("change", () => {
    state.setting = input.value;
    document.body.dataset.setting = input.value;
    changed("setting");
  });
});

function showVariants() {
  state.hidden = new Set($$("#variants input").filter((i) => !i.checked).map((i) => Number(i.value)));
  $$("[data-v]").forEach((each) => { each.hidden = state.hidden.has(Number(each.dataset.v)); });
  changed("variants");
}
$$("#variants input").forEach((input) => {
  input.addEventListener("change", showVariants);
  input.closest("label").addEventListener("dblclick", () => { // only this one
    $$("#variants input").forEach((other) => { other.checked = other === input; });
    showVariants();
  });
});
$("#all")?.addEventListener("click", () => {
  $$("#variants input").forEach((input) => { input.checked = true; });
  showVariants();
});

$("#metric-filter").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  $$(".scores tr[data-metric]").forEach((row) => { row.hidden = !row.dataset.title.includes(wanted); });
  $$(".scores tbody").forEach((body) => { body.hidden = !$$("tr[data-metric]", body).some((row) => !row.hidden); });
});

function filterConfig() {
  const wanted = $("#config-filter").value.trim().toLowerCase();
  const all = $("#config-all").checked;
  $$(".config tbody tr").forEach((row) => {
    row.hidden = !row.dataset.title.includes(wanted) || !(all || row.classList.contains("differs"));
  });
}
$("#config-filter").addEventListener("input", filterConfig);
$("#config-all").addEventListener("change", filterConfig);

// -- paper: a table with more variants than fit is printed in parts, each with the first column ------------------------

const FIT = 8; // variants beside each other
function tableParts(table) {
  const parts = [];
  const columns = Math.max(...$$("tr", table).map((row) => row.cells.length)) - 1;
  for (let start = 0; start < columns; start += FIT) {
    const part = table.cloneNode(true);
    $$("tr", part).forEach((row) => [...row.cells].forEach((cell, i) => { if (i > 0 && (i <= start || i > start + FIT)) cell.remove(); }));
    part.classList.add("part");
    parts.push(part);
  }
  return parts;
}
addEventListener("beforeprint", () => {
  for (const table of $$("table.scores:not(.part, .whole), table.config:not(.part, .whole)")) {
    if ($$("thead th", table).length - 1 <= FIT + 1) continue; // nine fit, too
    table.after(...tableParts(table));
    table.classList.add("whole");
  }
});
addEventListener("afterprint", () => {
  $$("table.part").forEach((part) => part.remove());
  $$("table.whole").forEach((table) => table.classList.remove("whole"));
});
