"use strict";
// The page: what is shown, and what keys and buttons do.

const $ = (selector) => document.querySelector(selector);
const video = $("#video");
const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
const el = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) name in node ? (node[name] = value) : node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const clock = (seconds) => {
  const hundredths = Math.round(seconds * 100);
  return `${Math.floor(hundredths / 6000)}:${String(Math.floor(hundredths / 100) % 60).padStart(2, "0")}.${String(hundredths % 100).padStart(2, "0")}`;
};
const everyClip = () => D.videos.flatMap((_, v) => clipsOf(v).map((clip, c) => [v, c, clip]));
const isShown = (clip) => !state.marked || isMarked(clip);
const isOpen = (clip) => clip.state === "open";
let place = null; // of the cursor in the current narration, once the reviewer has set it
let typing = false; // whether what is typed belongs to the last step of undo

// -- what is shown -------------------------------------------------------------------------------------------------------

function showProgress() {
  const all = everyClip().filter(([, , clip]) => isShown(clip)), open = all.filter(([, , clip]) => isOpen(clip));
  const pending = open.filter(([v, , clip]) => isChanged(v, clip)).length;
  const done = say(state.marked ? T.progress_marked : T.progress, { done: all.length - open.length, all: all.length });
  $("#progress").textContent = done + (pending ? say(T.pending, { pending }) : "");
  $("#open").textContent = open.length ? say(T.open, { open: open.length }) : T.finished;
  $("#open").disabled = !open.length;
  const time = state.saved && new Date(state.saved).toLocaleString(D.interface === "zh" ? "zh-CN" : "en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  $("#saved").textContent = state.saved ? say(state.changed ? T.changed : T.saved, { time }) : T.never;
  $("#saved").className = state.changed ? "changed" : "";
  $("#all-done").textContent = say(T.all_done, { file: fileName() });
  $("#all-done").hidden = everyClip().some(([, , clip]) => isOpen(clip));
  $("#no-draft").hidden = keeps;
  D.videos.forEach((each, v) => {
    const own = clipsOf(v), done = own.filter((clip) => !isOpen(clip)).length, button = $("#videos").children[v];
    button.className = done === own.length ? "done" : done ? "part" : "";
    button.classList.toggle("quiet", state.marked && !own.some(isMarked));
    const marked = own.filter(isMarked).length;
    button.setAttribute("aria-label", say(T.video_state, { n: v + 1, title: each.title, done, all: own.length, marked }));
    button.title = button.getAttribute("aria-label");
    v === state.at[0] ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
  });
}

function showVideo() {
  const own = videoAt();
  $("#video-number").textContent = say(T.video, { n: state.at[0] + 1, all: D.videos.length, id: own.id });
  $("#video-name").textContent = own.title;
  $("#facts").hidden = !own.knowledge.length;
  $("#facts dl").replaceChildren(...own.knowledge.map(([aspect, points]) => el("div", {}, el("dt", { dir: "auto", textContent: aspect }), ...points.map((point) => el("dd", { dir: "auto", textContent: point })))));
  $("#whole").replaceChildren(...own.marks.map(markOf));
  $("#whole").hidden = !own.marks.length;
  $("#broken").hidden = $("#stuck").hidden = true;
  if (video.getAttribute("src") !== own.file) video.src = own.file;
  video.setAttribute("aria-label", own.title);
}

const markOf = ([kind, why]) => el("span", { className: "mark" }, el("b", { textContent: T.kinds[kind] ?? kind }), el("bdi", { textContent: why }));

function differences(clip) {
  const out = pieces(clip.recognised, clip.text.trim()).map(([kind, text]) => (kind === " " ? text : el(kind === "-" ? "del" : "ins", { textContent: text })));
  return out.length ? out : [el("i", { className: "small", textContent: T.nothing_recognised })];
}

function labelBoxes(clip) {
  const language = D.interface;
  return D.labels.map((label, i) => {
    const box = el("input", { type: "checkbox", checked: clip.labels.includes(i), "data-do": `label-${i}`, onchange: () => act(() => toggleLabel(i)) });
    const key = "1234567890-="[i];
    return el("label", { title: label.about }, box, el("span", {}, ...label[language].split(/(?<=\/)/).flatMap((part) => [part, el("wbr")])), el("kbd", { className: "keys", "aria-hidden": "true", textContent: key }));
  });
}

function editor(clip) {
  const area = el("textarea", { id: "text", rows: 3, value: clip.text, dir: "auto", lang: videoAt().language, "aria-label": T.narration, spellcheck: true, "data-do": "text" });
  area.oninput = () => {
    const clips = typing ? clipsOf(state.at[0]) : changing();
    typing = true;
    setText(clips, area.value);
    place = area.selectionStart;
    keep();
    $("#diff").replaceChildren(...differences(clipAt()));
    showState();
    showProgress();
  };
  area.onblur = () => (typing = false);
  // Only a cursor that the reviewer has moved is where the text is split.
  area.onpointerup = () => (place = area.selectionStart);
  area.onkeyup = (event) => /^(Arrow|Home|End)/.test(event.key) && (place = area.selectionStart);
  const last = state.at[1] === clipsOf(state.at[0]).length - 1;
  const button = (name, key, action, properties = {}) => el("button", { type: "button", title: key, "data-do": name, textContent: T[name], onclick: action, ...properties });
  return [
    el("h4", { className: "small", textContent: T.recognised_to_refined }),
    el("p", { id: "diff", dir: "auto", lang: videoAt().language }, ...differences(clip)),
    area,
    el("fieldset", {}, el("legend", { textContent: D.labelled ? T.labels : T.labels_optional }), el("div", { className: "labels" }, ...labelBoxes(clip))),
    el("div", { className: "actions" },
      button("accept", "Enter", accept, { className: "main" }),
      button("split", "S", splitHere),
      button("merge", "M", mergeHere, { disabled: last }),
      button("skip", "X", skip, { "aria-pressed": String(clip.state === "skipped") }),
      button("undo", "Z", undoLast, { disabled: !undone.length }),
    ),
  ];
}

function card(clip, c) {
  const now = c === state.at[1], names = clip.labels.map((label) => D.labels[label][D.interface]);
  const times = el("span", { className: "times", textContent: `${clock(clip.start)} – ${clock(clip.end)}` });
  const status = el("span", { className: `state ${clip.state}` });
  const head = el("button", { type: "button", className: "pick", "data-do": `pick-${c}`, onclick: () => go(state.at[0], c) }, el("b", { textContent: c + 1 }), times, status);
  head.setAttribute("aria-expanded", String(now));
  const marks = clip.marks.length ? [el("p", { className: "marks" }, ...clip.marks.map(markOf))] : [];
  const item = el("li", { className: clip.state }, el("h3", {}, head), ...marks);
  if (now) item.append(...editor(clip));
  else item.append(el("p", { className: "narrated", dir: "auto", lang: videoAt().language, textContent: clip.text || T.no_narration }), el("p", { className: "small", textContent: names.join(" + ") || T.no_labels }));
  if (now) item.setAttribute("aria-current", "true");
  else item.onclick = (event) => event.target.closest("button") || getSelection().toString() || go(state.at[0], c);
  item.hidden = !isShown(clip) && !now;
  return item;
}

function showState() {
  clipsOf(state.at[0]).forEach((clip, c) => {
    const label = say(T.states[clip.state], {}) + (isOpen(clip) && isChanged(state.at[0], clip) ? T.not_accepted : "");
    $("#clips").children[c].querySelector(".state").textContent = label;
    $("#clips").children[c].className = clip.state;
  });
}

function showClips() {
  const focused = document.activeElement?.dataset?.do;
  const own = clipsOf(state.at[0]);
  $("#clips").replaceChildren(...own.map(card));
  $("#row").replaceChildren(...own.map((clip, c) => {
    const button = el("button", { type: "button", "data-do": `row-${c}`, tabIndex: c === state.at[1] ? 0 : -1, className: clip.state, textContent: c + 1, onclick: () => go(state.at[0], c) });
    button.classList.toggle("marked", isMarked(clip));
    button.setAttribute("aria-label", say(T.clip_named, { n: c + 1, all: own.length, start: clock(clip.start), end: clock(clip.end), state: T.states[clip.state] }));
    if (c === state.at[1]) button.setAttribute("aria-current", "true");
    const item = el("li", {}, button);
    item.style.flexGrow = clip.end - clip.start;
    return item;
  }));
  showState();
  showProgress();
  showTime();
  const row = $("#row"), { offsetLeft: left, offsetWidth: wide } = row.children[state.at[1]];
  row.scrollLeft = Math.min(Math.max(row.scrollLeft, left - row.offsetLeft + wide - row.clientWidth), left - row.offsetLeft);
  if (focused) document.querySelector(`[data-do="${focused.startsWith("row-") ? `row-${state.at[1]}` : focused}"]`)?.focus({ preventScroll: true });
}

function showTime() {
  const { start, end } = clipAt(), fps = videoAt().fps, at = Math.min(Math.max(video.currentTime, start), end);
  Object.assign($("#scrub"), { min: start, max: end, step: 1 / fps });
  $("#scrub").value = at;
  const frame = Math.floor(video.currentTime * fps + 0.01);
  $("#time").textContent = say(T.time, { time: clock(video.currentTime), frame });
  $("#play").textContent = video.paused ? T.play : T.pause;
  const cut = cutAt(video.currentTime), button = $("[data-do=split]");
  button.textContent = cut === null ? T.split : say(T.split_at, { time: clock(cut) });
  button.disabled = cut === null;
}

/** Say something, on the page as well unless only those who do not see it need it. */
function tell(text, shown = true) {
  $("#message").textContent = text;
  $("#message").classList.toggle("shown", shown);
  clearTimeout(tell.later);
  tell.later = setTimeout(() => $("#message").classList.remove("shown"), 4000);
}

// -- what the reviewer does ----------------------------------------------------------------------------------------------

function select(v, c) {
  const other = v !== state.at[0];
  state.at = [v, c];
  place = null;
  typing = false;
  keep();
  if (other) showVideo();
  showClips();
}

function go(v, c) {
  if (v < 0 || v >= D.videos.length) return;
  const other = v !== state.at[0];
  select(v, c);
  if (!other) seekTo(clipAt().start);
  else video.pause();
  const clip = clipAt();
  tell(say(T.clip_named, { n: c + 1, all: clipsOf(v).length, start: clock(clip.start), end: clock(clip.end), state: T.states[clip.state] }), false);
  $("#clips").children[c].scrollIntoView({ block: "nearest" });
}

/** To a clip before or after the current one that is shown and, if asked for, open. */
function move(by, open = false) {
  const all = everyClip(), now = all.findIndex(([v, c]) => v === state.at[0] && c === state.at[1]);
  for (let i = now + by; open ? i !== now : i >= 0 && i < all.length; i += by) {
    if (open && i >= all.length) i = 0;
    const [v, c, clip] = all[i];
    if (open && i === now) break;
    if (isShown(clip) && (!open || isOpen(clip))) return go(v, c);
  }
  if (open) tell(isOpen(clipAt()) ? T.only_open : T.finished);
}

function moveVideo(by) {
  for (let v = state.at[0] + by; v >= 0 && v < D.videos.length; v += by) {
    const c = clipsOf(v).findIndex(isShown);
    if (c >= 0) return go(v, c);
  }
}

/** Do something that may be refused with a message. */
function act(action) {
  const refused = action();
  keep();
  showClips();
  if (refused) tell(refused);
}

function accept() {
  const why = notYet(clipAt());
  if (why) return tell(why);
  changing()[state.at[1]].state = "accepted";
  keep();
  const rest = everyClip().some(([, , clip]) => isShown(clip) && isOpen(clip));
  if (rest) return move(1, true);
  showClips();
  tell(T.finished);
}

function skip() {
  const was = clipAt().state;
  changing()[state.at[1]].state = was === "skipped" ? "open" : "skipped";
  keep();
  showClips();
  tell(was === "skipped" ? T.unskipped : T.skipped);
}

function splitHere() {
  const time = cutAt(video.currentTime), clip = clipAt();
  if (time === null) return tell(T.too_near);
  const at = place ?? boundaryNear(clip.text, (time - clip.start) / (clip.end - clip.start));
  act(() => split(time, at));
  place = null;
  tell(say(T.was_split, { time: clock(time) }));
}

function mergeHere() {
  if (state.at[1] >= clipsOf(state.at[0]).length - 1) return tell(T.last_clip);
  act(merge);
  place = null;
  tell(T.was_merged);
}

function undoLast() {
  const before = state.at[0];
  if (!undo()) return tell(T.nothing_to_undo);
  if (before !== state.at[0]) showVideo();
  typing = false;
  place = null;
  showClips();
  tell(T.was_undone);
}

function edit() {
  const area = $("#text");
  area.focus();
  if (place === null) area.selectionStart = area.value.length;
}

function save() {
  if (!state.reviewer.trim()) {
    $("#reviewer").focus();
    return tell(T.name_first);
  }
  state.saved = new Date().toISOString().slice(0, 19) + "Z";
  state.changed = false;
  const text = content();
  download(fileName(), text);
  $("#by-hand textarea").value = text;
  $("#by-hand").hidden = false;
  keep();
  showProgress();
  tell(say(T.was_saved, { file: fileName() }));
}

function onKey(event) {
  const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
  const area = event.target.closest("textarea"), field = event.target.closest("input:not([type=checkbox]):not([type=range])");
  const done = (action) => (event.preventDefault(), action?.());
  if (control && key === "s") return done(save);
  if (area || field) {
    if (key === "escape") return done(() => event.target.blur());
    if (area && control && key === "enter") return done(() => (area.blur(), accept()));
    if (area && event.altKey && key === "enter") return done(splitHere);
    return;
  }
  if (control && key === "z" && !event.shiftKey) return done(undoLast);
  if (control || event.altKey || event.metaKey || event.isComposing) return;
  const on = event.target.closest("button, summary, a, input");
  if (on && (key === " " || (key === "enter" && on.tagName !== "INPUT"))) return; // they do what they always do
  if (on?.type === "range" && key.startsWith("arrow")) return;
  const label = "1234567890-=".indexOf(key);
  const actions = {
    enter: accept, a: accept, e: edit, s: splitHere, m: mergeHere, x: skip, z: undoLast, u: undoLast,
    arrowdown: () => move(1), j: () => move(1), arrowup: () => move(-1), k: () => move(-1), o: () => move(1, true),
    pagedown: () => moveVideo(1), n: () => moveVideo(1), pageup: () => moveVideo(-1), p: () => moveVideo(-1),
    arrowright: () => step(1), arrowleft: () => step(-1), " ": playOrPause, r: replay, l: setLoop,
  };
  if (key.length === 1 && label >= 0) return event.repeat ? done() : done(() => act(() => toggleLabel(label)));
  const repeats = key.startsWith("arrow") || key === "j" || key === "k";
  if (actions[key]) done(event.repeat && !repeats ? undefined : actions[key]);
}

// -- once ----------------------------------------------------------------------------------------------------------------

function showOthers() {
  $("#others").replaceChildren(...otherDrafts().map(([key, draft]) => {
    const same = unchangedIn(draft).length;
    const when = draft.kept ? new Date(draft.kept).toLocaleString(D.interface === "zh" ? "zh-CN" : "en-GB") : "?";
    const forget = () => (localStorage.removeItem(key), showOthers());
    const box = el("div", { className: "banner" }, el("p", { textContent: say(T.other_draft, { when, same, all: Object.keys(draft.videos).length }) }));
    const button = (text, action) => el("button", { type: "button", textContent: text, onclick: action });
    if (same) box.append(button(say(T.take_over, { same }), () => (takeOver(draft), forget(), showClips())));
    box.append(button(T.keep_other, () => download(`${D.batch}.before.json`, JSON.stringify(draft, null, 1))), button(T.forget, forget));
    return box;
  }));
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

recall();
new ResizeObserver(() => document.documentElement.style.setProperty("--head", `${$("header").offsetHeight}px`)).observe($("header"));
setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
$("#videos").replaceChildren(...D.videos.map((_, v) => el("button", { type: "button", textContent: v + 1, onclick: () => go(v, Math.max(0, clipsOf(v).findIndex((clip) => isShown(clip) && isOpen(clip)))) })));
$("#reviewer").value = state.reviewer;
$("#reviewer").oninput = () => ((state.reviewer = $("#reviewer").value), keep(), showProgress());
$("#marked").checked = state.marked;
$("#marked").onchange = () => {
  state.marked = $("#marked").checked;
  keep();
  showClips();
  if (!isShown(clipAt())) move(1, true);
};
$("#open").onclick = () => move(1, true);
$("#save").onclick = save;
$("#theme").onclick = () => setTheme(document.documentElement.dataset.theme !== "dark");
$("#play").onclick = playOrPause;
$("#replay").onclick = replay;
$("#back").onclick = () => step(-1);
$("#on").onclick = () => step(1);
$("#loop").onclick = setLoop;
$("#scrub").oninput = () => seekTo(Number($("#scrub").value));
video.addEventListener("play", whilePlaying);
for (const event of ["pause", "seeked", "timeupdate"]) video.addEventListener(event, showTime);
video.addEventListener("loadedmetadata", () => seekTo(clipAt().start));
for (const event of ["loadedmetadata", "progress", "seeked"]) video.addEventListener(event, () => ($("#stuck").hidden = canSeek()));
video.addEventListener("error", () => ($("#broken").hidden = false));
addEventListener("keydown", onKey);
addEventListener("storage", (event) => {
  if (event.key !== KEPT) return; // the same page in another tab: what is done there counts here too
  const at = state.at;
  recall();
  if (clipsOf(at[0])[at[1]]) state.at = at;
  showVideo();
  showClips();
});
addEventListener("beforeunload", (event) => {
  keep();
  if (!keeps && state.changed) event.preventDefault();
});
showOthers();
showVideo();
showClips();
document.body.dataset.ready = "yes";
