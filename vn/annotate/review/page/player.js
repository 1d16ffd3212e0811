"use strict";
// The player: it loops the current clip or plays on, and steps frame by frame.

let loop = true;

/** Into the middle of a frame: at its start, the one before may still be shown. */
function seekTo(seconds) {
  const fps = videoAt().fps;
  video.currentTime = (Math.floor(seconds * fps + 0.01) + 0.5) / fps;
}

/** Whether every clip can be reached: a server that does not answer requests for parts of a file leaves the video at its start. */
function canSeek() {
  const { seekable, duration } = video;
  return !(duration > (seekable.length ? seekable.end(seekable.length - 1) : 0) + 1);
}

function step(frames) {
  video.pause();
  const fps = videoAt().fps, { start, end } = clipAt();
  const first = Math.round(start * fps), last = Math.max(first, Math.round(end * fps) - 1);
  video.currentTime = (Math.min(Math.max(Math.floor(video.currentTime * fps + 0.01) + frames, first), last) + 0.5) / fps;
}

function whilePlaying() {
  const [v, c] = state.at, { start, end } = clipAt(), at = video.currentTime;
  const ended = video.ended || at >= end - 0.25 / videoAt().fps;
  if (ended && loop) seekTo(start), video.ended && video.play().catch(() => {});
  else if (ended && c < clipsOf(v).length - 1 && document.activeElement?.id !== "text") select(v, c + 1);
  else if (at < start - 0.1) seekTo(start);
  showTime();
  if (!video.paused) requestAnimationFrame(whilePlaying);
}

function playOrPause() {
  if (!video.paused) return video.pause();
  const { start, end } = clipAt();
  if (video.currentTime < start - 0.01 || video.currentTime >= end - 1 / videoAt().fps) seekTo(start);
  video.play().catch(() => {});
}

function replay() {
  seekTo(clipAt().start);
  video.play().catch(() => {});
}

function setLoop() {
  loop = !loop;
  $("#loop").setAttribute("aria-pressed", String(loop));
}
