"use strict";
// How a narration differs from what was recognised: word by word, or character by character in Chinese.

const TOKEN = /\p{Script=Han}|(?:(?!\p{Script=Han})[\p{L}\p{M}\p{N}'’])+|\s+|[^\s]/gu;
const MOST_CELLS = 4e6; // of the table of common parts: longer texts are shown as replaced

const tokensOf = (text) => text.match(TOKEN) ?? [];

/** The steps from one text to another: [kind, token] with " " kept, "-" taken away, "+" added. */
function steps(from, to) {
  const a = tokensOf(from), b = tokensOf(to);
  if (a.length * b.length > MOST_CELLS) return [...a.map((token) => ["-", token]), ...b.map((token) => ["+", token])];
  const wide = b.length + 1;
  const common = new Uint32Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * wide + j] = a[i] === b[j] ? common[(i + 1) * wide + j + 1] + 1 : Math.max(common[(i + 1) * wide + j], common[i * wide + j + 1]);
  const out = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) out.push([" ", a[i++]]), j++;
    else if (j === b.length || (i < a.length && common[(i + 1) * wide + j] >= common[i * wide + j + 1])) out.push(["-", a[i++]]);
    else out.push(["+", b[j++]]);
  }
  return out;
}

/** The steps with neighbours of one kind joined, what is taken away before what replaces it. */
function pieces(from, to) {
  const out = [];
  let gone = "", come = "";
  const flush = () => {
    if (gone) out.push(["-", gone]);
    if (come) out.push(["+", come]);
    gone = come = "";
  };
  const all = steps(from, to);
  all.forEach(([kind, token], n) => {
    const between = kind === " " && /^\s+$/.test(token) && (gone || come) && all[n + 1] && all[n + 1][0] !== " ";
    if (kind === "-" || between) gone += token;
    if (kind === "+" || between) come += token;
    if (kind !== " " || between) return;
    flush();
    const last = out.at(-1);
    if (last && last[0] === " ") last[1] += token;
    else out.push([" ", token]);
  });
  flush();
  return out;
}

/** Where a text's place is in another one: the length of what corresponds to the first `at` characters. */
function placeIn(from, to, at) {
  let own = 0, other = 0, differs = false;
  for (const [kind, token] of steps(from, to)) {
    if (own >= at && !(kind === "+" && differs)) break; // what replaces the last word belongs to it
    differs = kind !== " ";
    if (kind !== "+") own += token.length;
    if (kind !== "-") other += token.length;
  }
  return other;
}

/** The end of a sentence or word that is nearest to a share of a text; its end if it is one word. */
function boundaryNear(text, share) {
  const wanted = share * text.length;
  let at = 0, best = 0, least = Infinity;
  for (const token of tokensOf(text)) {
    const follows = text.slice(at, at + token.length);
    const distance = Math.abs(at - wanted) + (/^[\p{P}]/u.test(follows) ? text.length : 0) - (/[.!?。！？，,;；]\s*$/u.test(text.slice(0, at)) ? text.length / 8 : 0);
    if (at > 0 && distance < least) (least = distance), (best = at);
    at += token.length;
  }
  return best || text.length;
}
