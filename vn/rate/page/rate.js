"use strict";
const D = JSON.parse(document.getElementById("data").textContent);
const T = D.texts;
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const KEPT = `vn-rate ${D.kit} ${D.rater}`;
const FILE = `ratings-${D.kit.slice(0, 6)}-rater-${D.rater}.json`;
const ITEMS = D.stories.flatMap((story, s) => story.versions.map((_, v) => [s, v]));
const IDLE = 120000; // ms without a key, a click or a playing video: the rater is away, and time is not counted
const state = { at: 0, active: 0, ratings: {}, seconds: {}, saved: null, changed: false };
let keeps = true, lastSign = Date.now(), video = null;

const $ = (selector) => document.querySelector(selector);
const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
const el = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) name in node ? (node[name] = value) : node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const story = () => D.stories[ITEMS[state.at][0]];
const version = () => ITEMS[state.at][1];
const nameOf = ([s, v]) => `${D.stories[s].id} ${LETTERS[v]}`;
const ratingsOf = (item) => state.ratings[nameOf(item)] ?? [null, null, null];
const rated = (item) => ratingsOf(item).filter((point) => point !== null).length;
const isDone = (item) => rated(item) === T.criteria.length;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// -- the draft ---------------------------------------------------------------------------------------------------------

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify(state));
  } catch {
    keeps = false;
  }
  $("#no-draft").hidden = keeps;
}

function recall() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(KEPT));
  } catch {
    keeps = false;
  }
  if (kept === null) return;
  for (const name of Object.keys(state)) if (name in kept) state[name] = kept[name];
  state.at = Math.min(Math.max(0, state.at | 0), ITEMS.length - 1);
}

// -- the file ----------------------------------------------------------------------------------------------------------

/** CRC-32 of a text in UTF-8, as zlib computes it: it shows a file that was changed by hand. */
function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ((crc ^ -1) >>> 0).toString(16).padStart(8, "0");
}

function content() {
  const names = T.criteria.map((criterion) => criterion.name);
  const rows = ITEMS.map((item) => [...nameOf(item).split(" "), ...ratingsOf(item), state.seconds[nameOf(item)] ?? 0]).sort();
  const head = { format: 1, kit: D.kit, rater: D.rater, content: D.content, saved: state.saved };
  const lines = [Object.values(head).join(" "), ...rows.map((row) => row.map((value) => value ?? "-").join(" "))];
  const ratings = rows.map((row) => Object.fromEntries(["story", "version", ...names, "seconds"].map((name, i) => [name, row[i]])));
  return JSON.stringify({ ...head, ratings, check: crc32(lines.join("\n")) }, null, 1);
}

function save() {
  state.saved = new Date().toISOString().slice(0, 19) + "Z";
  state.changed = false;
  const text = content();
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = el("a", { href: url, download: FILE, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  $("#by-hand textarea").value = text;
  $("#by-hand").hidden = false;
  keep();
  showProgress();
}

// -- what is shown -----------------------------------------------------------------------------------------------------

function showProgress() {
  const done = ITEMS.filter(isDone).length, open = ITEMS.length - done;
  $("#progress").textContent = say(T.progress, { done, all: ITEMS.length });
  $("#open").textContent = open ? say(T.open, { open }) : T.finished;
  $("#open").disabled = !open;
  const time = state.saved && new Date(state.saved).toLocaleString(D.language === "zh" ? "zh-CN" : "en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const rest = state.saved && open ? say(T.rest, { open }) : "";
  $("#saved").textContent = (state.saved ? say(state.changed ? T.changed : T.saved, { time }) : T.never) + rest;
  $("#saved").className = state.changed ? "changed" : "";
  $("#all-done").textContent = say(T.all_done, { file: FILE });
  $("#all-done").hidden = open > 0;
  const now = ITEMS[state.at][0];
  D.stories.forEach((each, s) => {
    const own = ITEMS.filter((item) => item[0] === s), finished = own.filter(isDone).length;
    const button = $("#stories").children[s];
    button.className = finished === own.length ? "done" : own.some(rated) ? "part" : "";
    button.setAttribute("aria-label", say(T.story_state, { n: s + 1, done: finished, all: own.length }));
    button.title = button.getAttribute("aria-label");
    s === now ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
  });
  [...$("#versions").children].forEach((button, v) => {
    const count = rated([now, v]);
    button.setAttribute("aria-pressed", v === version());
    button.setAttribute("aria-label", say(T.version_state, { letter: LETTERS[v], done: count }));
    [...button.querySelectorAll(".dots i")].forEach((dot, c) => (dot.className = c < count ? "on" : ""));
  });
}

function showStory() {
  const own = story(), n = ITEMS[state.at][0] + 1;
  $("#story-title").replaceChildren(el("span", { className: "small", textContent: say(T.story, { n, all: D.stories.length }) }), el("br"), own.title);
  $("#versions").setAttribute("aria-label", T.versions);
  $("#versions").replaceChildren(
    ...own.versions.map((_, v) => {
      const dots = el("span", { className: "dots", "aria-hidden": "true" }, ...T.criteria.map(() => el("i")));
      const [before, after] = T.version.split("{letter}").map((word) => el("span", { className: "word", textContent: word }));
      return el("button", { type: "button", onclick: () => go(ITEMS.findIndex(([s, w]) => s === n - 1 && w === v)) }, el("span", {}, before, LETTERS[v], after), dots);
    }),
  );
  showVideo(own);
  $("#facts summary").textContent = D.domain === "ad" ? T.facts_ad : T.facts_general;
  const facts = own.facts.flatMap(([aspect, points]) => [el("dt", { textContent: aspect }), el("dd", { textContent: points.join(T.comma) })]);
  $("#facts dl").replaceChildren(...(facts.length ? facts : [el("dd", { className: "small", textContent: T.no_facts })]));
  $("#stories").children[n - 1].scrollIntoView({ block: "nearest", inline: "nearest" });
}

function showVideo(own) {
  video?.pause();
  video = null;
  if (!own.video) return $("#player").replaceChildren();
  video = el("video", { src: own.video, controls: true, playsInline: true, preload: "metadata", "aria-label": own.title });
  own.versions.forEach((each, v) => {
    const track = video.addTextTrack("subtitles", say(T.version, { letter: LETTERS[v] }), D.language);
    for (const [start, end, text] of each.cues) {
      // A cue is read as WebVTT: markup in a narration is shown as it is. At a time at which one cue ends and another
      // begins, a paused Chromium shows both (findings/chromium-cue-at-its-end.sh), hence the millisecond.
      track.addCue(new VTTCue(start, end - 0.001, text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")));
    }
  });
  video.addEventListener("timeupdate", markClip);
  const fault = el("p", { className: "banner", textContent: T.no_video, hidden: true });
  video.addEventListener("error", () => (fault.hidden = false));
  // Whoever chooses another version in the player's own menu of subtitles rates that one.
  video.textTracks.addEventListener("change", () => {
    const shown = [...(video?.textTracks ?? [])].map((track, v) => (track.mode === "showing" ? v : -1)).filter((v) => v >= 0 && v !== version());
    if (shown.length === 1) go(ITEMS.findIndex(([s, v]) => D.stories[s] === own && v === shown[0]));
  });
  $("#player").replaceChildren(video, fault);
}

function showVersion() {
  const own = story(), letter = LETTERS[version()];
  if (video) [...video.textTracks].forEach((track, v) => (track.mode = v === version() ? "showing" : "disabled"));
  $("#clips").setAttribute("aria-label", say(T.narration, { letter }));
  $("#clips").replaceChildren(
    ...own.clips.map(([start, end, frames], i) => {
      const text = own.versions[version()].narrations[i];
      const span = `${clock(start)}–${clock(end)}`;
      const time = video
        ? el("button", { type: "button", className: "time", textContent: span, "aria-label": say(T.play_from, { time: clock(start) }), onclick: () => playFrom(start) })
        : el("span", { className: "time", textContent: span });
      const strip = frames ? [el("img", { src: frames, alt: say(T.frames, { n: i + 1 }), loading: "lazy" })] : [];
      return el("li", {}, ...strip, time, el("span", { className: text ? "text" : "text silent", textContent: text || T.silent }));
    }),
  );
  markClip();
  $("#rating-title").textContent = say(T.rating, { letter });
  showRatings();
}

function showRatings() {
  const own = ratingsOf(ITEMS[state.at]);
  T.criteria.forEach((criterion, c) => {
    const block = $("#criteria").children[c];
    block.classList.toggle("active", c === state.active);
    [...block.querySelectorAll(".points button")].forEach((button, p) => button.setAttribute("aria-pressed", own[c] === p));
    block.querySelector("p").textContent = own[c] === null ? criterion.question : criterion.points[own[c]][1];
  });
  $("#back").disabled = state.at === 0;
  $("#next").disabled = state.at === ITEMS.length - 1 && ITEMS.every((item, i) => i === state.at || isDone(item));
  showProgress();
}

function markClip() {
  const at = video ? video.currentTime : -1;
  story().clips.forEach(([start, end], i) => $("#clips").children[i]?.classList.toggle("now", at >= start && at < end));
}

function playFrom(start) {
  video.currentTime = start + 0.01;
  video.play().catch(() => {});
}

// -- what the rater does -----------------------------------------------------------------------------------------------

function go(at) {
  if (at < 0 || at >= ITEMS.length || at === state.at) return;
  const other = ITEMS[at][0] !== ITEMS[state.at][0];
  state.at = at;
  state.active = Math.max(0, ratingsOf(ITEMS[at]).indexOf(null));
  keep();
  if (other) showStory();
  showVersion();
  // The head stays in view on wide screens only; the narrations of another version are shown from their beginning.
  const head = getComputedStyle($("header")).position === "sticky" ? $("header").offsetHeight : 0;
  const top = $("#story").getBoundingClientRect().top;
  if (other || top < head) scrollTo(0, top + scrollY - head - 8);
}

/** The next version; after the last one, those that are still open. */
function next() {
  state.at < ITEMS.length - 1 ? go(state.at + 1) : nextOpen();
}

function rate(criterion, point) {
  const wasDone = ITEMS.every(isDone);
  const own = [...ratingsOf(ITEMS[state.at])];
  own[criterion] = point;
  state.ratings[nameOf(ITEMS[state.at])] = own;
  state.changed = state.saved !== null;
  state.active = Math.min(criterion + 1, T.criteria.length - 1);
  keep();
  showRatings();
  if (ITEMS.every(isDone) && !wasDone) {
    $("#all-done").scrollIntoView({ block: "center" });
    $("#save").focus({ preventScroll: true });
  } else if (isDone(ITEMS[state.at]) && criterion === T.criteria.length - 1) $("#next").focus({ preventScroll: true });
}

function nextOpen() {
  const order = [...ITEMS.keys()];
  const found = [...order.slice(state.at + 1), ...order.slice(0, state.at)].find((i) => !isDone(ITEMS[i]));
  if (found !== undefined) go(found);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("textarea")) return;
  const onControl = event.target.closest("button, summary, video");
  const key = event.key.toLowerCase();
  if (event.repeat && /^([0-3us]|enter)$/.test(key)) return event.preventDefault(); // a key that is held down rates once
  if (/^[0-3]$/.test(key)) rate(state.active, Number(key));
  else if (key === "arrowright") next();
  else if (key === "arrowleft") go(state.at - 1);
  else if (key === "arrowdown" || key === "arrowup") {
    state.active = (state.active + (key === "arrowdown" ? 1 : T.criteria.length - 1)) % T.criteria.length;
    showRatings();
    $(".criterion.active").scrollIntoView({ block: "nearest" });
  } else if (key === "u") nextOpen();
  else if (key === "s") save();
  else if (key === "enter" && !onControl) next();
  else if (key === " " && !onControl && video) video.paused ? video.play().catch(() => {}) : video.pause();
  else return;
  event.preventDefault();
}

// -- once --------------------------------------------------------------------------------------------------------------

function build() {
  $("#rater").textContent = say(T.rater, { rater: D.rater });
  $("#save").textContent = T.save;
  $("#back").textContent = `← ${T.back}`;
  $("#next").textContent = `${T.next} →`;
  $("#theme").title = T.theme;
  $("#theme").setAttribute("aria-label", T.theme);
  $("#no-draft").textContent = T.no_draft;
  $("#by-hand summary").textContent = T.by_hand;
  $("#by-hand textarea").setAttribute("aria-label", T.by_hand);
  $("#stories").setAttribute("aria-label", T.stories);
  $("#stories").replaceChildren(...D.stories.map((_, s) => el("button", { type: "button", textContent: s + 1, onclick: () => go(firstOf(s)) })));
  $("#criteria").replaceChildren(...T.criteria.map(criterionBlock));
  $("#guide summary").textContent = T.guide;
  const keys = T.keys.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", { textContent: key })), el("td", { textContent: what })));
  const scale = (criterion) => el("table", {}, ...criterion.points.map(([short, means], p) => el("tr", {}, el("td", {}, el("b", { textContent: p })), el("td", { textContent: `${short}${T.colon}${means}` }))));
  $(".guide").replaceChildren(
    el("ul", {}, ...T.steps.map((step) => el("li", { textContent: say(step, { systems: D.stories[0].versions.length }) }))),
    el("div", { className: "scales" }, ...T.criteria.map((criterion) => el("div", {}, el("h3", { textContent: criterion.title }), el("p", { textContent: criterion.question }), scale(criterion)))),
    el("div", { className: "keys" }, el("h3", { textContent: T.keys_title }), el("table", {}, ...keys)),
  );
  // The facts take the rating's place on a phone until they are asked for.
  $("#facts").open = matchMedia("(min-width: 60rem)").matches;
}

/** The first version of a story that is not rated, else its first one. */
function firstOf(s) {
  const own = [...ITEMS.keys()].filter((i) => ITEMS[i][0] === s);
  return own.find((i) => !isDone(ITEMS[i])) ?? own[0];
}

function criterionBlock(criterion, c) {
  const means = el("p", { textContent: criterion.question });
  const buttons = criterion.points.map(([short, text], p) => {
    const show = () => (means.textContent = text);
    const hide = () => showRatings();
    const label = `${criterion.title} ${p}, ${short}${T.colon}${text}`;
    const events = { onclick: () => rate(c, p), onmouseenter: show, onmouseleave: hide, onfocus: show, onblur: hide };
    return el("button", { type: "button", "aria-label": label, ...events }, el("b", { textContent: p }), short);
  });
  const title = el("h4", { id: `criterion-${c}`, textContent: criterion.title });
  const points = el("div", { className: "points", role: "group", "aria-labelledby": title.id }, ...buttons);
  return el("div", { className: "criterion", onclick: (event) => event.target.closest("button") || activate(c) }, title, means, points);
}

function activate(c) {
  state.active = c;
  showRatings();
}

function count() {
  if (document.hidden || (Date.now() - lastSign > IDLE && (!video || video.paused))) return;
  const name = nameOf(ITEMS[state.at]);
  state.seconds[name] = (state.seconds[name] ?? 0) + 1;
  if (state.seconds[name] % 5 === 0) keep();
}

recall();
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
build();
showStory();
showVersion();
$("#guide").open = ITEMS.every((item) => !rated(item));
$("#no-draft").hidden = keeps;
$("#open").onclick = nextOpen;
$("#save").onclick = save;
$("#back").onclick = () => go(state.at - 1);
$("#next").onclick = next;
$("#theme").onclick = () => (document.documentElement.dataset.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark");
addEventListener("keydown", onKey);
for (const sign of ["keydown", "pointerdown", "pointermove", "scroll"]) addEventListener(sign, () => (lastSign = Date.now()), { passive: true });
addEventListener("storage", (event) => {
  if (event.key !== KEPT) return; // the same page in another tab: its ratings count here too
  recall();
  showStory();
  showVersion();
});
addEventListener("pagehide", keep);
setInterval(count, 1000);
document.body.dataset.ready = "yes";
