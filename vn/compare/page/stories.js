"use strict";
// The stories of all runs for one video. The page stores them compressed, some videos per chunk, and opens a chunk when it is shown.
const S = JSON.parse($("#index").textContent);
const sources = $$("script.chunk");
const opened = new Map();
const MOST = 400; // videos listed at once
let current = 0;
let matches = S.videos.map((_, i) => i);
let words = [];

async function open(chunk) {
  if (!opened.has(chunk)) opened.set(chunk, unpacked(sources[chunk]).json());
  return opened.get(chunk);
}
const video = async (i) => (await open(Math.floor(i / S.chunk)))[i % S.chunk];
const score = (i, variant) => S.scores[state.setting]?.[variant]?.[i];

// -- finding --------------------------------------------------------------------------------------------------------

function orders() {
  const others = shownVariants().filter((i) => i && S.scores[state.setting]?.[i]);
  const found = [["name", "by name"]];
  if (S.scores[state.setting]?.[0]) found.push(["low", "lowest CIDEr first"], ["high", "highest CIDEr first"]);
  for (const i of others) found.push([`loss:${i}`, `most lost by ${D.variants[i].name}`], [`gain:${i}`, `most won by ${D.variants[i].name}`]);
  return found;
}

function fillOrders() {
  const before = $("#story-order").value;
  $("#story-order").replaceChildren(...orders().map(([value, text]) => option(value, text)));
  if (orders().some(([value]) => value === before)) $("#story-order").value = before;
}

function sorted(found) {
  const [kind, variant] = $("#story-order").value.split(":");
  const key = {
    name: (i) => i, low: (i) => score(i, 0) ?? Infinity, high: (i) => -(score(i, 0) ?? -Infinity),
    loss: (i) => (score(i, variant) ?? 0) - (score(i, 0) ?? 0), gain: (i) => (score(i, 0) ?? 0) - (score(i, variant) ?? 0),
  }[kind];
  return [...found].sort((a, b) => key(a) - key(b) || a - b);
}

function text(v) {
  const narrated = Object.values(v.narrations).flat().filter(Boolean).flat().filter(Boolean);
  return [...v.clips.map((c) => `${c[2] ?? ""} ${c[3].join(" ")}`), ...narrated.map((t) => t[0])].join("\n").toLowerCase();
}

let asked = 0;
async function find() {
  const mine = ++asked;
  words = $("#story-search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = S.videos.map((_, i) => i);
  if (words.length) {
    $("#story-count").textContent = "searching…";
    const held = [];
    for (const i of found) {
      const head = `${S.videos[i][0]} ${S.videos[i][1]}`.toLowerCase();
      if (words.every((w) => head.includes(w))) { held.push(i); continue; }
      const v = await video(i);
      if (mine !== asked) return; // another key was pressed
      v.text ??= text(v);
      const all = `${head}\n${v.text}`;
      if (words.every((w) => all.includes(w))) held.push(i);
    }
    found = held;
  }
  matches = sorted(found);
  list();
  if (matches.length && !matches.includes(current)) await show(matches[0]);
  else if (matches.length) await show(current);
}

function list() {
  const [kind, variant] = $("#story-order").value.split(":");
  const side = (i) => {
    if (kind === "name") return `${S.videos[i][2]} clips`;
    const own = score(i, 0);
    if (!variant) return own === undefined || own === null ? "" : own.toFixed(0);
    const gap = (score(i, variant) ?? 0) - (own ?? 0);
    return `${gap < 0 ? "−" : "+"}${Math.abs(gap).toFixed(0)}`;
  };
  const more = matches.length > MOST ? `, the first ${MOST} listed` : "";
  $("#story-count").textContent = `${matches.length} of ${S.videos.length} videos${more}`;
  $("#story-list").replaceChildren(...matches.slice(0, MOST).map((i) => element("li", {}, element("button",
    { type: "button", "data-video": S.videos[i][0], "aria-current": i === current ? "true" : "false", title: `${S.videos[i][1]} (${S.videos[i][0]})`, onclick: () => show(i) },
    element("span", {}, S.videos[i][1] || S.videos[i][0]), element("span", {}, side(i))))));
}

// -- showing --------------------------------------------------------------------------------------------------------

/** Text with the words searched for marked. */
function marked(string) {
  const place = element("span", { class: "text" });
  if (!words.length) { place.append(string); return place; }
  const lower = string.toLowerCase();
  let at = 0;
  while (at < string.length) {
    const hits = words.map((w) => [lower.indexOf(w, at), w.length]).filter(([p]) => p >= 0).sort((a, b) => a[0] - b[0]);
    if (!hits.length || lower.length !== string.length) break;
    place.append(string.slice(at, hits[0][0]), element("mark", {}, string.slice(hits[0][0], hits[0][0] + hits[0][1])));
    at = hits[0][0] + hits[0][1];
  }
  place.append(string.slice(at));
  return place;
}

function narratedBy(run, variant, clip, reference) {
  const who = element("div", { class: "who" }, element("span", { class: `swatch v${variant}` }), S.runs[run][0]);
  if (!clip) return element("div", { "data-run": S.runs[run][0] }, who, element("span", { class: "meta off" }, "no prediction"));
  const [narration, labels, low, high, count, fits] = clip;
  const meta = element("div", { class: "meta" });
  if (labels) {
    const right = labels.some((l) => reference.includes(l));
    meta.append(element("span", { class: right || !reference.length ? "" : "off" }, `${right ? "✓" : "✗"} ${labels.join("+") || "no label"}`), " · ");
  }
  meta.append(element("span", { class: fits || low === null ? "" : "off" }, low === null ? `${count} words` : `${fits ? "✓" : "✗"} ${count} words of ${low}–${high}`));
  return element("div", { "data-run": S.runs[run][0] }, who, narration ? marked(narration) : element("span", { class: "meta off" }, "nothing was written"), meta);
}

function shownRuns() {
  const seed = $("#story-runs").value;
  return shownVariants().flatMap((v) => {
    const runs = D.variants[v].runs;
    if (seed === "all") return runs.map((r) => [r, v]);
    const own = runs.find((r) => S.runs[r][1] === Number(seed));
    return own === undefined ? [] : [[own, v]];
  });
}

async function show(i) {
  current = i;
  const v = await video(i);
  if (current !== i) return;
  const [id, title, , seconds] = S.videos[i];
  const narrations = v.narrations[state.setting];
  const runs = shownRuns().filter(([r]) => narrations?.[r]);
  const at = matches.indexOf(i);
  const step = (by, name, label) => element("button", { type: "button", "aria-label": label, disabled: matches[at + by] === undefined, onclick: () => show(matches[at + by]) }, name);
  const known = v.knowledge.map(([aspect, points]) => element("li", {}, `${aspect}: ${points.join(", ")}`));
  const clips = v.clips.map(([start, end, reference, labels], n) => element("section", { class: "clip" },
    element("div", { class: "clip-head" }, element("b", {}, `${n + 1}`), element("span", { class: "quiet-text" }, `${start.toFixed(1)}–${end.toFixed(1)} s`),
      v.frames ? element("div", { class: "frames" }, ...v.frames[n].map((src, k) => element("img", { src, alt: `frame ${k + 1} of clip ${n + 1}` }))) : null),
    element("div", { class: "narrations" },
      element("div", { class: "reference" }, element("div", { class: "who" }, "reference"), reference ? marked(reference) : element("span", { class: "meta" }, "not narrated"), element("div", { class: "meta" }, labels.join("+"))),
      ...runs.map(([r, variant]) => narratedBy(r, variant, narrations[r][n], labels)))));
  $("#story").replaceChildren(
    element("div", { class: "story-head" }, element("div", {}, element("h3", {}, title || id), element("p", { class: "note" }, `${id} · ${seconds} s · ${v.clips.length} clips · storyline ${state.setting}`)),
      element("div", {}, step(-1, "←", "previous video"), " ", step(1, "→", "next video"))),
    known.length ? element("details", { class: "note" }, element("summary", {}, `Knowledge: ${known.length} aspects`), element("ul", {}, ...known)) : "",
    ...clips);
  $$("#story-list button").forEach((b) => { b.setAttribute("aria-current", b.dataset.video === id ? "true" : "false"); });
}

// -- keys and changes -----------------------------------------------------------------------------------------------

const seeds = [...new Set(S.runs.map((r) => r[1]))].sort((a, b) => a - b);
$("#story-runs").replaceChildren(...seeds.map((s) => option(s, `seed ${s}`)), ...(seeds.length > 1 ? [option("all", "all seeds")] : []));
$("#story-runs").addEventListener("change", () => show(current));
$("#story-order").addEventListener("change", () => { matches = sorted(matches); list(); show(matches[0] ?? current); });
let waiting;
$("#story-search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(find, 150); });
onChange((what) => { if (what === "setting" || what === "variants") { fillOrders(); matches = sorted(matches); list(); show(current); } });
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const by = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key];
  const next = matches[matches.indexOf(current) + by];
  if (event.key === "/") { event.preventDefault(); $("#story-search").focus(); }
  else if (by && next !== undefined && !event.target.closest(".scroll")) { event.preventDefault(); show(next); }
});
fillOrders();
list();
// Tables and stories come first. Reading Plotly blocks the page: it waits until a chart is near, or for a while.
(S.videos.length ? show(0) : Promise.resolve()).then(() => {
  document.body.dataset.ready = "true";
  setTimeout(readPlotly, 3000);
});
