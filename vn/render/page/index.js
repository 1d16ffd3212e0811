"use strict";
const $ = (selector) => document.querySelector(selector);
const list = $("#stories");
const all = [...list.children];
const texts = all.map((story) => `${story.dataset.name} ${story.dataset.title}`.toLowerCase());

function show() {
  const words = $("#words").value.toLowerCase().split(/\s+/).filter(Boolean);
  all.forEach((story, i) => (story.hidden = !words.every((word) => texts[i].includes(word))));
  const shown = all.filter((story) => !story.hidden).length;
  const values = { n: shown, all: all.length };
  $("#count").textContent = $("#count").dataset.text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Stories that need a look come first: the lowest share of narrations in range, the most warnings. */
function sort() {
  const by = $("#order").value;
  const value = (story) => story.dataset[by];
  const orders = {
    range: (one, other) => value(one) - value(other),
    warnings: (one, other) => value(other) - value(one),
  };
  const compare = orders[by] ?? ((one, other) => value(one).localeCompare(value(other), document.documentElement.lang, { numeric: true }));
  list.append(...[...all].sort((one, other) => compare(one, other) || all.indexOf(one) - all.indexOf(other)));
}

$("#choose").addEventListener("submit", (event) => event.preventDefault());
$("#words").addEventListener("input", show);
$("#order").addEventListener("change", sort);
$("#choose").hidden = false;
show();
document.body.dataset.ready = "true";
