"use strict";
const $ = (selector) => document.querySelector(selector);
const $$ = (selector) => [...document.querySelectorAll(selector)];
const AHEAD = 0.01; // seconds after a clip's start: at the start itself the frame before may still be shown
const video = $("#video");
const clips = $$("#clips > li");
const shots = $$(".strip button");
const spans = clips.map((clip) => [Number(clip.dataset.start), Number(clip.dataset.end)]);
const total = Number($(".row").dataset.seconds);
let current = -1; // the clip being shown; -1 between clips
let selected = 0; // the one that the keys start from

/** Whether an element is in view, at least in part. */
function isSeen(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
}

function mark(clip) {
  if (clip === current) return;
  const follow = current < 0 || isSeen(clips[current]);
  for (const list of [clips, shots]) {
    list[current]?.removeAttribute("aria-current");
    list[clip]?.setAttribute("aria-current", "true");
  }
  current = clip;
  if (clip < 0) return;
  select(clip);
  // Whoever reads elsewhere on the page is left there.
  if (follow && video && !video.paused) clips[clip].scrollIntoView({ block: "nearest" });
}

/** Of the row of shots, the tab key reaches one only. */
function select(clip) {
  shots[selected].tabIndex = -1;
  shots[clip].tabIndex = 0;
  selected = clip;
  const strip = $(".scroll"), box = shots[clip].parentElement;
  if (box.offsetLeft < strip.scrollLeft) strip.scrollLeft = box.offsetLeft;
  else if (box.offsetLeft + box.offsetWidth > strip.scrollLeft + strip.clientWidth) strip.scrollLeft = box.offsetLeft + box.offsetWidth - strip.clientWidth;
}

function showTime() {
  const at = video.currentTime;
  let now = -1;
  spans.forEach(([start, end], i) => (now = at >= start && at < end ? i : now));
  mark(now);
  $("#head").style.left = `${(100 * Math.min(at, total)) / total}%`;
}

function whilePlaying() {
  showTime();
  if (!video.paused) requestAnimationFrame(whilePlaying);
}

function go(clip, play = false) {
  if (clip < 0 || clip >= clips.length) return;
  if (video) {
    video.currentTime = spans[clip][0] + AHEAD;
    if (play) video.play().catch(() => {});
  }
  mark(clip);
  select(clip);
  $("#now").textContent = clips[clip].dataset.name;
  if (!isSeen(clips[clip]) || !video) clips[clip].scrollIntoView({ block: "nearest" });
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const inRow = event.target.closest(".strip");
  const place = event.target.closest("video, input, select, textarea");
  if (place) return; // a player has keys of its own
  if (event.key === "ArrowRight") go(selected + (current < 0 && !video ? 0 : 1));
  else if (event.key === "ArrowLeft") go(selected - 1);
  else if (event.key === "Home" && inRow) go(0);
  else if (event.key === "End" && inRow) go(clips.length - 1);
  else if (event.key === " " && video && !event.target.closest("button, a, summary")) video.paused ? video.play().catch(() => {}) : video.pause();
  else return;
  if (inRow) shots[selected].focus();
  event.preventDefault();
}

/** Paused at a time at which one subtitle ends and the next begins, Chromium shows both. */
function shortenCues(track) {
  for (const cue of track.cues ?? []) cue.endTime -= 0.001;
}

shots.forEach((shot, i) => {
  shot.tabIndex = i === 0 ? 0 : -1;
  shot.addEventListener("click", () => go(i));
  const [small, frame] = [shot.querySelector("img"), clips[i].querySelector(".frame")];
  if (small && frame) small.src = frame.src;
});
document.addEventListener("keydown", onKey);
if (video) {
  clips.forEach((clip, i) => clip.querySelector("button.time").addEventListener("click", () => go(i, true)));
  $("#head").hidden = false;
  for (const event of ["timeupdate", "seeking", "seeked"]) video.addEventListener(event, showTime);
  video.addEventListener("play", whilePlaying);
  const sources = $$("#video source");
  sources.at(-1).addEventListener("error", () => ($("#broken").hidden = false));
  const element = $("#video track");
  if (element.readyState === 2) shortenCues(element.track);
  else element.addEventListener("load", () => shortenCues(element.track));
}
document.body.dataset.ready = "true";
