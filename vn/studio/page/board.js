// The board. What is changed is saved at once, one change after another; buttons wait until all is saved.
const place = element.querySelector('.vn-place');
const $ = (selector) => place.querySelector(selector);
const $$ = (selector) => [...place.querySelectorAll(selector)];
const LEAST = 0.2; // seconds of a clip
let saving = Promise.resolve();
let typed = new Map(); // clip -> timer of a narration that is being typed, or is to be saved again
const AGAIN = 3000; // ms after which a narration that could not be saved is saved again: a rendering takes a while

const board = () => $('.vn-board');
const clipOf = (node) => node.closest('.vn-clip');
const numberOf = (clip) => Number(clip.dataset.clip);

function draw(html) {
  for (const timer of typed.values()) clearTimeout(timer);
  typed = new Map();
  place.innerHTML = html;
  $$('.vn-clip').forEach(count);
}

function count(clip) {
  const text = clip.querySelector('textarea').value.trim();
  const chinese = board().dataset.language === 'zh';
  const words = chinese ? [...text].length : text.split(/\s+/).filter(Boolean).length;
  const { low, high } = clip.dataset;
  const output = clip.querySelector('.vn-count');
  output.textContent = `${words} of ${low}–${high} ${chinese ? 'characters' : 'words'}`;
  output.classList.toggle('vn-out', words > 0 && (words < Number(low) || words > Number(high)));
}

function problem(text) {
  const line = $('.vn-problem');
  line.textContent = text;
  line.hidden = !text;
  if (text) line.scrollIntoView({ block: 'nearest' });
}

// Saves one change after those before it. If the clips' times change, the board is drawn again.
function save(change) {
  const story = board().dataset.story;
  saving = saving.then(async () => {
    if (board()?.dataset.story !== story) return;
    const times = JSON.parse(board().dataset.times);
    $('.vn-state').textContent = 'Saving …';
    try {
      const found = await server.edit({ story, times, ...change });
      if (found.board) draw(found.board);
      else if (found.problem) $('.vn-state').textContent = 'Not saved.';
      else mark(found);
      problem(found.problem);
      if (found.problem && change.do === 'narration') again(change.clip);
    } catch (error) {
      $('.vn-state').textContent = 'Not saved.';
      problem(`The studio does not answer (${error?.message ?? error}). Is it still running?`);
    }
  });
  return saving;
}

function mark(found) {
  $('.vn-state').textContent = found.state;
  const waits = (n) => found.first !== null && n >= found.first;
  $$('.vn-clip').forEach((clip) => clip.classList.toggle('vn-waits', waits(numberOf(clip))));
  $$('[data-own]').forEach((own) => (own.hidden = !found.yours[numberOf(clipOf(own))]?.includes(own.dataset.own)));
  $$('.vn-shot').forEach((shot) => shot.classList.toggle('vn-waits', waits(Number(shot.dataset.go))));
}

function again(n) {
  const clip = $$('.vn-clip')[n];
  if (clip && !typed.has(clip)) typed.set(clip, setTimeout(() => saveNarration(clip), AGAIN));
}

function saveNarration(clip) {
  clearTimeout(typed.get(clip));
  typed.delete(clip);
  return save({ do: 'narration', clip: numberOf(clip), narration: clip.querySelector('textarea').value });
}

// The page's own buttons wait for this, so that they see what was typed.
window.vnSaved = () => {
  for (const clip of [...typed.keys()]) saveNarration(clip);
  return saving;
};

place.addEventListener('input', (event) => {
  if (!event.target.matches('textarea')) return;
  const clip = clipOf(event.target);
  count(clip);
  clearTimeout(typed.get(clip));
  typed.set(clip, setTimeout(() => saveNarration(clip), 800));
});

place.addEventListener('change', (event) => {
  const clip = clipOf(event.target);
  if (!clip) return;
  if (event.target.matches('textarea') && typed.has(clip)) saveNarration(clip);
  if (event.target.matches('select')) save({ do: 'labels', clip: numberOf(clip), labels: event.target.value });
  if (event.target.matches('.vn-end')) save({ do: 'border', clip: numberOf(clip), second: Number(event.target.value) });
});

place.addEventListener('click', async (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.go !== undefined) {
    const shown = $$('.vn-clip')[Number(button.dataset.go)];
    shown.scrollIntoView({ behavior: 'smooth', block: 'center' });
    shown.querySelector('textarea').focus({ preventScroll: true });
    return;
  }
  const clip = clipOf(button);
  if (button.dataset.play !== undefined) {
    play(clip);
    return;
  }
  const [n, start, end] = [numberOf(clip), Number(clip.dataset.start), Number(clip.dataset.end)];
  const now = $('.vn-watch')?.currentTime ?? -1;
  await window.vnSaved();
  if (button.dataset.do === 'split') {
    save({ do: 'split', clip: n, second: now > start + LEAST && now < end - LEAST ? now : (start + end) / 2 });
  } else if (button.dataset.do === 'merge') {
    save({ do: 'merge', clip: n });
  } else if ($('.vn-problem').hidden) {
    trigger(button.dataset.do === 'speak' ? 'speak' : 'from', { story: board().dataset.story, clip: n });
  }
});

function play(clip) {
  const video = $('.vn-watch');
  if (!video) return;
  const end = Number(clip.dataset.end);
  video.currentTime = Number(clip.dataset.start) + 0.01;
  video.ontimeupdate = () => {
    if (video.currentTime < end - 0.05) return;
    video.ontimeupdate = null;
    video.pause();
  };
  video.play();
}

// Borders: dragged with a pointer, or moved with the arrow keys.
let dragged = null;
let keyed = 0;

function around(border) {
  const n = Number(border.dataset.clip);
  const [one, two] = [$$('.vn-clip')[n], $$('.vn-clip')[n + 1]];
  return [n, Number(one.dataset.start), Number(two.dataset.end)];
}

function show(border, second) {
  const [n, start, end] = around(border);
  const value = Math.min(end - LEAST, Math.max(start + LEAST, Math.round(second * 100) / 100));
  $$('.vn-shot')[n].style.flexGrow = value - start;
  $$('.vn-shot')[n + 1].style.flexGrow = end - value;
  border.setAttribute('aria-valuenow', value);
  border.setAttribute('aria-valuetext', `${value} seconds`);
  $$('.vn-end')[n].value = value;
  if ($('.vn-watch')) $('.vn-watch').currentTime = value;
  return value;
}

place.addEventListener('pointerdown', (event) => {
  if (!event.target.matches('.vn-border')) return;
  const border = event.target;
  const n = Number(border.dataset.clip);
  const left = $$('.vn-shot')[n].getBoundingClientRect().left;
  const right = $$('.vn-shot')[n + 1].getBoundingClientRect().right;
  dragged = { border, left, right, value: null };
  border.setPointerCapture(event.pointerId);
  event.preventDefault();
  border.focus();
});

place.addEventListener('pointermove', (event) => {
  if (!dragged) return;
  const [, start, end] = around(dragged.border);
  const share = (event.clientX - dragged.left) / (dragged.right - dragged.left);
  dragged.value = show(dragged.border, start + share * (end - start));
});

function drop() {
  if (dragged && dragged.value !== null) save({ do: 'border', clip: around(dragged.border)[0], second: dragged.value });
  dragged = null;
}
place.addEventListener('pointerup', drop);
place.addEventListener('pointercancel', drop);

place.addEventListener('keydown', (event) => {
  const step = { ArrowLeft: -0.1, ArrowRight: 0.1, ArrowDown: -0.1, ArrowUp: 0.1, PageDown: -1, PageUp: 1 }[event.key];
  if (!event.target.matches('.vn-border') || step === undefined) return;
  event.preventDefault();
  const value = show(event.target, Number(event.target.getAttribute('aria-valuenow')) + step);
  const [n] = around(event.target);
  clearTimeout(keyed);
  keyed = setTimeout(async () => {
    await save({ do: 'border', clip: n, second: value });
    $(`.vn-border[data-clip="${n}"]`)?.focus();
  }, 600);
});

draw(props.value || '');
watch('value', () => draw(props.value || ''));
