"use strict";
// The charts, each drawn when it comes into view and again when what it shows changes; none before Plotly is read.
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (i) => css(`--v${i}`);
// Thirteen marks and six dashes cycle at different lengths: 78 variants have a combination of their own beside their colour.
const MARKERS = ["circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star", "x", "pentagon", "hourglass", "hexagram", "bowtie", "star-diamond"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const mark = (i) => MARKERS[i % MARKERS.length];
const dash = (i) => DASHES[i % DASHES.length];
const charts = new Map(); // element -> {draw, drawn, dirty}
const CONFIG = { displaylogo: false, responsive: true, displayModeBar: false };

/** Names as text: Plotly reads some HTML tags in labels. */
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const nameOf = (i) => plain(D.variants[i].name);

function layout(more = {}) {
  const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), automargin: true };
  const { xaxis = {}, yaxis = {}, ...rest } = more;
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    margin: { l: 44, r: 12, t: 12, b: 36 }, hovermode: "closest", showlegend: false,
    hoverlabel: { bgcolor: css("--soft"), bordercolor: css("--line"), font: { color: css("--ink") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis }, ...rest,
  };
}

function addChart(place, draw) {
  if (!place) return;
  charts.set(place, { draw, dirty: true, near: false });
  watcher.observe(place);
}

function redraw(place) {
  const chart = charts.get(place);
  if (!window.Plotly || !chart.dirty || !(chart.near || chart.now)) return;
  chart.dirty = false;
  const { traces, layout: own } = chart.draw();
  // With an explicit size: Plotly would keep the first one, even if paper is narrower than the screen.
  Plotly.react(place, traces, { ...own, width: place.clientWidth, height: place.clientHeight }, CONFIG);
}

let reading;
/** Run Plotly, which is stored in the page compressed, and draw what is in view. */
async function readPlotly() {
  reading ??= unpacked($("#plotly")).text();
  const script = element("script", {}, await reading);
  if (window.Plotly) return;
  document.head.append(script);
  for (const place of charts.keys()) redraw(place);
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    charts.get(entry.target).near = entry.isIntersecting;
    if (entry.isIntersecting) readPlotly();
    redraw(entry.target);
  }
}, { rootMargin: "300px" });

function redrawAll(now = false) {
  for (const [place, chart] of charts) {
    chart.dirty = true;
    chart.now = now;
    redraw(place);
    chart.now = false;
  }
}
onChange((what) => { if (what !== "story") redrawAll(); });
addEventListener("beforeprint", () => {
  document.documentElement.dataset.before = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light"; // ink on paper
  document.documentElement.classList.add("paper-wide"); // charts keep the width that they are drawn with
  redrawAll(true);
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper-wide");
  setTheme(document.documentElement.dataset.before);
  redrawAll(true); // those out of view, too: they are wider than their places now
});

// -- bars, one small chart per metric -----------------------------------------------------------------------------------

function bars(metric) {
  const found = shownVariants().map((i) => [i, D.scores[state.setting][i]?.[metric]]).filter(([, s]) => s);
  const place = found.map((_, k) => k);
  const longest = Math.max(...found.map(([, s]) => s.mean));
  const named = ([i, s]) => (s.mean < longest / 2 ? "\u2003" : "") + nameOf(i); // beside a short bar: clear of its seeds
  const seeds = found.flatMap(([, s], k) => s.values.map((v, n) => [k, v, s.seeds[n]]));
  return {
    traces: [
      {
        type: "bar", orientation: "h", y: place, x: found.map(([, s]) => s.mean), text: found.map(named), textposition: "auto", insidetextanchor: "start", constraintext: "none",
        textfont: { size: 11 }, marker: { color: found.map(([i]) => colour(i)) }, error_x: { type: "data", array: found.map(([, s]) => s.deviation ?? 0), color: css("--ink"), thickness: 1.3, width: 4 },
        hovertemplate: "%{text}: %{x:.1f}<extra></extra>",
      },
      {
        type: "scatter", mode: "markers", y: seeds.map((s) => s[0]), x: seeds.map((s) => s[1]), text: seeds.map((s) => `seed ${s[2]}`),
        marker: { symbol: "circle-open", size: 5, color: css("--ink") }, hovertemplate: "%{text}: %{x:.2f}<extra></extra>",
      },
    ],
    layout: layout({
      title: { text: plain(D.metrics[metric].title), font: { size: 13 }, x: 0.01, xanchor: "left", y: 1, yanchor: "top", pad: { t: 4 } }, height: 52 + 23 * found.length,
      margin: { l: 6, r: 12, t: 26, b: 24 }, yaxis: { visible: false, autorange: "reversed" }, xaxis: { nticks: 5, rangemode: "tozero" }, bargap: 0.18,
    }),
  };
}

const barCharts = new Map();
function placeBars() {
  const wanted = D.order[state.setting];
  for (const metric of wanted) {
    if (barCharts.has(metric)) continue;
    const place = element("div", { role: "img", "aria-label": D.metrics[metric].title });
    barCharts.set(metric, place);
    $("#bar-charts").append(place);
    addChart(place, () => bars(metric));
  }
  for (const [metric, place] of barCharts) place.hidden = !wanted.includes(metric);
}

// -- differences ----------------------------------------------------------------------------------------------------

function fill(select, metrics) {
  const before = select.value;
  select.replaceChildren(...metrics.map((m) => option(m, D.metrics[m].title)));
  if (metrics.includes(before)) select.value = before;
}

function forest() {
  const metric = $("#forest-metric").value;
  const found = shownVariants().map((i) => [i, D.deltas[state.setting][i]?.[metric]]).filter(([, d]) => d && d.value !== null).sort(([, a], [, b]) => a.value - b.value);
  $("#forest-chart").style.height = `${Math.max(300, 70 + 26 * found.length)}px`;
  const certain = (d) => plain(`${d.verdict}${d.why ? `: ${d.why}` : ""}`);
  return {
    traces: found.flatMap(([i, d]) => [
      {
        type: "scatter", mode: "markers", x: [d.value], y: [nameOf(i)], marker: { color: colour(i), size: 10, symbol: d.counts ? mark(i) : `${mark(i)}-open` },
        error_x: d.low === null ? undefined : { type: "data", symmetric: false, array: [d.high - d.value], arrayminus: [d.value - d.low], color: colour(i), thickness: 2, width: 6 },
        hovertemplate: `%{x:+.2f}${d.low === null ? "" : ` [${d.low.toFixed(2)}, ${d.high.toFixed(2)}], p = ${d.p.toFixed(4)}`}, ${certain(d)}<extra></extra>`,
      },
      { type: "scatter", mode: "markers", x: d.seeds, y: d.seeds.map(() => nameOf(i)), marker: { color: css("--quiet"), size: 6, symbol: "line-ns-open" }, hovertemplate: "a seed: %{x:+.2f}<extra></extra>" },
    ]),
    layout: layout({
      margin: { l: 120, r: 12, t: 12, b: 40 }, xaxis: { title: { text: `${D.metrics[metric]?.title ?? ""}, x100` }, zeroline: true, zerolinecolor: css("--ink") },
    }),
  };
}

// -- training -------------------------------------------------------------------------------------------------------

function curves() {
  const kind = $("#curve-kind input:checked").value;
  const named = new Set();
  const traces = D.curves.filter((c) => !state.hidden.has(c.variant) && c[kind][0].length).map((c) => {
    const first = !named.has(c.variant);
    named.add(c.variant);
    return {
      type: "scatter", mode: c[kind][0].length < 30 ? "lines+markers" : "lines", x: c[kind][0], y: c[kind][1], name: nameOf(c.variant), legendgroup: String(c.variant), showlegend: first,
      line: { color: colour(c.variant), width: 1.5, dash: dash(c.variant) }, marker: { symbol: mark(c.variant), size: 5 }, hovertemplate: `${plain(c.run)}: %{y:.4f} at step %{x}<extra></extra>`,
    };
  });
  return { traces, layout: layout({ showlegend: true, margin: { l: 50, r: 12, t: 30, b: 40 }, xaxis: { title: { text: "step" } }, yaxis: { title: { text: `${kind === "val" ? "validation" : "training"} loss` }, type: "log" } }) };
}

// -- labels ---------------------------------------------------------------------------------------------------------

function labelBars() {
  const found = shownVariants().filter((i) => D.labels.variants[i]);
  if (!found.length) return { traces: [], layout: layout() };
  const names = D.labels.names;
  const traces = [{ type: "bar", orientation: "h", y: names, x: D.labels.variants[found[0]].reference, name: "reference", marker: { color: "rgba(0,0,0,0)", line: { color: css("--ink"), width: 1.5 } } }];
  for (const i of found) {
    traces.push({ type: "scatter", mode: "markers", y: names, x: D.labels.variants[i].written, name: nameOf(i), marker: { color: colour(i), symbol: mark(i), size: 8 }, hovertemplate: `${nameOf(i)}: %{x:.1f}<extra></extra>` });
  }
  return { traces, layout: layout({ showlegend: innerWidth > 640, legend: { orientation: "h", x: -0.4, y: 1.02, yanchor: "bottom", font: { size: 11 } }, margin: { l: 10, r: 12, t: 60, b: 36 }, yaxis: { autorange: "reversed", tickfont: { size: 11 } }, xaxis: { title: { text: "clips" } } }) };
}

function confusion() {
  const found = D.labels.variants[$("#confusion-variant").value];
  if (!found) return { traces: [], layout: layout() };
  const columns = [...D.labels.names, "no label"];
  const shares = found.matrix.map((row) => { const all = row.reduce((a, b) => a + b, 0); return row.map((n) => (all ? (100 * n) / all : null)); });
  const dark = document.documentElement.dataset.theme === "dark";
  return {
    traces: [{
      type: "heatmap", x: columns, y: D.labels.names, z: shares, customdata: found.matrix, zmin: 0, zmax: 100, xgap: 1, ygap: 1, colorscale: dark ? [[0, "#1a2029"], [1, "#7cc0ff"]] : [[0, "#f5f6f8"], [1, "#00568f"]],
      showscale: innerWidth > 640, colorbar: { thickness: 8, ticksuffix: " %", outlinewidth: 0 }, text: shares.map((row) => row.map((n) => (n >= 0.5 ? n.toFixed(0) : ""))), texttemplate: "%{text}", textfont: { size: 9 }, hovertemplate: "%{y} written as %{x}: %{customdata:.1f} clips, %{z:.1f} %<extra></extra>",
    }],
    layout: layout({ margin: { l: 10, r: 0, t: 10, b: 10 }, xaxis: { tickangle: -50, tickfont: { size: 10 } }, yaxis: { autorange: "reversed", tickfont: { size: 10 } } }),
  };
}

// -- where ----------------------------------------------------------------------------------------------------------

function lines(found, title) {
  const traces = shownVariants().filter((i) => found?.[i]?.length).map((i) => ({
    type: "scatter", mode: "lines+markers", x: found[i].map((b) => b[0]), y: found[i].map((b) => b[2]), name: nameOf(i), line: { color: colour(i), dash: dash(i), width: 2 }, marker: { symbol: mark(i), size: 8 },
    error_y: { type: "data", symmetric: false, array: found[i].map((b) => (b[4] ?? b[2]) - b[2]), arrayminus: found[i].map((b) => b[2] - (b[3] ?? b[2])), color: colour(i), thickness: 1, width: 3 },
    customdata: found[i].map((b) => b[1]), hovertemplate: `${nameOf(i)}, %{x}: %{y:.1f} (%{customdata} clips)<extra></extra>`,
  }));
  return { traces, layout: layout({ showlegend: true, margin: { l: 50, r: 12, t: 50, b: 36 }, yaxis: { title: { text: title } } }) };
}

function fillSelects() {
  placeBars();
  fill($("#place-metric"), Object.keys(D.place[state.setting]));
  if ($("#forest-metric")) fill($("#forest-metric"), D.order[state.setting]);
}

fillSelects();
if ($("#forest-metric") && D.order[state.setting].includes("cider")) $("#forest-metric").value = "cider";
onChange((what) => { if (what === "setting") { fillSelects(); redrawAll(); } });
const withLabels = Object.keys(D.labels.variants);
$("#confusion-variant").replaceChildren(...withLabels.map((i) => option(i, D.variants[i].name)));
if (!withLabels.length) $("#labels").hidden = true;
if (!D.curves.length) $("#curves").hidden = true;
for (const [selector, draw, control] of [
  ["#forest-chart", forest, "#forest-metric"],
  ["#curve-chart", curves, "#curve-kind"],
  ["#label-chart", labelBars, null],
  ["#confusion-chart", confusion, "#confusion-variant"],
  ["#place-chart", () => lines(D.place[state.setting][$("#place-metric").value], "x100"), "#place-metric"],
  ["#length-chart", () => lines(D.length[state.setting], "% in range"), null],
]) {
  addChart($(selector), draw);
  if (control) $(control)?.addEventListener("change", () => { charts.get($(selector)).dirty = true; redraw($(selector)); });
}
