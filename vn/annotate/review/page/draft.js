"use strict";
// What the reviewer has done: clips with texts, labels and states; kept in this browser, undone, saved as a file.

const D = JSON.parse(document.getElementById("data").textContent);
const T = D.texts;
const KEPT = `vn-review ${D.id} ${D.content}`;
const MOST_UNDO = 200;
const MOST_LABELS = 3;
const NARROW = 0.15; // seconds that each part of a split clip must have
const state = { at: [0, 0], reviewer: "", saved: null, changed: false, marked: false, videos: {} };
const undone = [];
let keeps = true;

const fresh = (video) => video.clips.map((clip, i) => ({ ...clip, labels: [...clip.labels], of: [i], state: "open" }));
const clipsOf = (v) => state.videos[D.videos[v].id]?.clips ?? (D.videos[v].fresh ??= fresh(D.videos[v]));
const videoAt = () => D.videos[state.at[0]];
const clipAt = () => clipsOf(state.at[0])[state.at[1]];
const isMarked = (clip) => clip.marks.length > 0;
const spaced = () => videoAt().language !== "zh";
const sameLabels = (a, b) => a.length === b.length && a.every((label) => b.includes(label));

/** Whether a clip differs from what the machine made of it. */
function isChanged(v, clip) {
  const own = D.videos[v].clips[clip.of[0]];
  const whole = clip.of.length === 1 && clip.start === own.start && clip.end === own.end;
  return !whole || clip.text.trim() !== own.text.trim() || !sameLabels(clip.labels, own.labels);
}

/** The clips of a video, to be changed; what they were is remembered for undo. */
function changing() {
  const [v, c] = state.at, { id, content } = D.videos[v];
  undone.push({ at: [v, c], id, clips: JSON.stringify(state.videos[id]?.clips ?? null) });
  if (undone.length > MOST_UNDO) undone.shift();
  state.videos[id] = { content, clips: JSON.parse(JSON.stringify(clipsOf(v))) };
  state.changed = true;
  return state.videos[id].clips;
}

function undo() {
  const last = undone.pop();
  if (!last) return false;
  const clips = JSON.parse(last.clips);
  if (clips === null) delete state.videos[last.id];
  else state.videos[last.id] = { content: D.videos.find(({ id }) => id === last.id).content, clips };
  state.at = last.at;
  state.changed = true;
  keep();
  return true;
}

/** Why a clip cannot be accepted; empty if it can. */
function notYet(clip) {
  if (!clip.text.trim()) return "";
  return D.labelled && !clip.labels.length ? T.choose_labels : "";
}

function setText(clips, text) {
  const clip = clips[state.at[1]];
  clip.text = text;
  clip.state = "open"; // it is to be accepted as it is now
}

function toggleLabel(label) {
  const has = clipAt().labels.includes(label);
  if (!has && clipAt().labels.length >= MOST_LABELS) return T.most_labels;
  const clip = changing()[state.at[1]];
  clip.labels = has ? clip.labels.filter((each) => each !== label) : [...clip.labels, label];
  clip.state = "open";
  return "";
}

/** The time of the frame on screen at a time, within the current clip; null if a part would be too short. */
function cutAt(seconds) {
  const { start, end } = clipAt(), fps = videoAt().fps;
  const time = Number((Math.floor(seconds * fps + 0.01) / fps).toFixed(6));
  return time - start >= NARROW && end - time >= NARROW ? time : null;
}

/** Split the current clip at a time, and its texts at a place of the narration. */
function split(time, place) {
  const clips = changing(), c = state.at[1], clip = clips[c];
  const recognisedAt = placeIn(clip.text, clip.recognised, place);
  const part = (from, to, text, recognised) => ({ ...clip, start: from, end: to, text: text.trim(), recognised: recognised.trim(), labels: [...clip.labels], state: "open" });
  clips.splice(c, 1,
    part(clip.start, time, clip.text.slice(0, place), clip.recognised.slice(0, recognisedAt)),
    { ...part(time, clip.end, clip.text.slice(place), clip.recognised.slice(recognisedAt)), marks: [] },
  );
}

function merge() {
  const clips = changing(), c = state.at[1], [one, other] = clips.slice(c, c + 2);
  const joined = (a, b) => [a.trim(), b.trim()].filter(Boolean).join(spaced() ? " " : "");
  const labels = [...new Set([...one.labels, ...other.labels])].slice(0, MOST_LABELS);
  const of = [...new Set([...one.of, ...other.of])];
  const whole = of.length === 1 ? D.videos[state.at[0]].clips[of[0]] : null; // two parts of one clip: its marks again
  const marks = whole ? whole.marks : [...one.marks, ...other.marks];
  const text = joined(one.text, other.text), recognised = joined(one.recognised, other.recognised);
  clips.splice(c, 2, { ...one, end: other.end, text, recognised, labels, marks, of, state: "open" });
}

// -- kept in this browser ------------------------------------------------------------------------------------------------

function keep() {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...state, kept: new Date().toISOString() }));
    localStorage.setItem("vn-review reviewer", state.reviewer);
  } catch {
    keeps = false;
  }
}

function recall() {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(KEPT));
    state.reviewer = localStorage.getItem("vn-review reviewer") ?? "";
  } catch {
    keeps = false;
  }
  if (kept === null) return;
  for (const name of Object.keys(state)) if (name in kept) state[name] = kept[name];
  const v = Math.min(Math.max(0, state.at[0] | 0), D.videos.length - 1);
  state.at = [v, Math.min(Math.max(0, state.at[1] | 0), clipsOf(v).length - 1)];
}

/** Drafts of this batch as it was before, also with more or fewer videos: [key, draft], the latest first. */
function otherDrafts() {
  const found = [];
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i);
      if (!/^vn-review \S+ \S+$/.test(key) || key === KEPT) continue;
      const draft = JSON.parse(localStorage.getItem(key));
      const own = Object.keys(draft?.videos ?? {}).length && (key.startsWith(`vn-review ${D.id} `) || unchangedIn(draft).length);
      if (own) found.push([key, draft]);
    }
  } catch {
    keeps = false;
  }
  return found.sort((a, b) => (a[1].kept < b[1].kept ? 1 : -1));
}

/** The videos of another draft that are the same here. */
const unchangedIn = (draft) => D.videos.filter(({ id, content }) => draft.videos[id]?.content === content);

function takeOver(draft) {
  for (const { id } of unchangedIn(draft)) state.videos[id] ??= draft.videos[id];
  state.changed = true;
  keep();
}

// -- the file ------------------------------------------------------------------------------------------------------------

const slug = (name) => name.trim().replace(/[^\p{L}\p{N}_-]+/gu, "-").replace(/^-+|-+$/g, "") || "reviewer";
const fileName = () => `${D.batch}.${slug(state.reviewer)}.json`;

function fileClip(clip, language) {
  const text = clip.state === "skipped" ? "" : clip.text.trim().replace(/\s+/g, " ");
  const labels = text && clip.labels.length ? clip.labels.map((label) => D.labels[label][language]) : null;
  return { start: clip.start, end: clip.end, narration: text || null, labels, state: clip.state };
}

function content() {
  const videos = D.videos.map(({ id, content, language }, v) => ({ video: id, content, clips: clipsOf(v).map((clip) => fileClip(clip, language)) }));
  const head = { format: 1, batch: D.batch, id: D.id, content: D.content, reviewer: state.reviewer.trim(), saved: state.saved };
  return JSON.stringify({ ...head, videos }, null, 1);
}

function download(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
