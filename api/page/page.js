// The status page: reads /v1/status each second, and runs queries.

const $ = (id) => document.getElementById(id);
const maxRows = 1000; // of a result
const maxTypes = 200; // of the table of log types
let token = sessionStorage.getItem("ikada-token") ?? "";

class Unauthorized extends Error {}

async function call(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { cache: "no-store", ...options, headers });
  if (answer.status === 401) throw new Unauthorized();
  if (!answer.ok) {
    const text = await answer.text();
    let reason = text;
    try { reason = JSON.parse(text).error; } catch { /* not JSON */ }
    throw new Error(reason || `${answer.status} ${answer.statusText}`);
  }
  return answer;
}

// ---- Words for numbers and times ----

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function size(bytes) {
  if (!bytes) return "0 B";
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const i = Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${(bytes / 1024 ** i).toFixed(i && bytes / 1024 ** i < 100 ? 1 : 0)} ${units[i]}`;
}

function span(seconds) {
  if (seconds < 1) return "under 1 s";
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

const secondsSince = (time) => (Date.now() - new Date(time)) / 1000;
const ago = (time) => (time ? `${span(secondsSince(time))} ago` : "never");

function waiting(backlog) {
  if (backlog.unknown) return "unknown";
  const parts = [];
  if (backlog.messages) parts.push(`${short.format(backlog.messages)} ${backlog.messages === 1 ? "message" : "messages"}`);
  if (backlog.files) parts.push(`${whole.format(backlog.files)} ${backlog.files === 1 ? "file" : "files"}`);
  if (backlog.bytes) parts.push(size(backlog.bytes));
  return parts.map((part) => part.replaceAll(" ", "\u00a0")).join(", ") || "nothing";
}

// ---- Drawing ----

// el makes an element; texts are never read as HTML.
function el(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  Object.assign(e, attributes);
  e.append(...children);
  return e;
}

// draw replaces an element's children only where something changed, so that a
// selection or a scroll position stays.
const drawn = new Map();
function draw(target, data, make) {
  const now = JSON.stringify(data);
  if (drawn.get(target) === now) return;
  drawn.set(target, now);
  target.replaceChildren(...make());
}

function stage(s) {
  const card = el("li", {},
    el("h3", { textContent: s.name }),
    el("div", { className: "rate" }, short.format(s.events_per_second), el("span", { className: "unit", textContent: " events/s" })),
  );
  const facts = el("dl");
  const fact = (name, value, title = "") => facts.append(el("dt", { textContent: name }), el("dd", { textContent: value, title }));
  fact("volume", `${size(Math.round(s.bytes_per_second))}/s`);
  fact("events", whole.format(s.events));
  fact("waiting", waiting(s.backlog), s.backlog.oldest ? `oldest ${ago(s.backlog.oldest)}` : "");
  fact("last success", ago(s.last_success), s.last_success ?? "");
  if (s.duplicates_dropped) fact("duplicates", whole.format(s.duplicates_dropped));
  if (s.quarantined) fact("quarantined", whole.format(s.quarantined));
  if (s.errors) fact("errors", whole.format(s.errors));
  card.append(facts);
  // An error is over once a success followed it.
  if (s.last_error && !(s.last_success > s.last_error_at)) {
    card.append(el("p", { className: "error", textContent: `${ago(s.last_error_at)}: ${s.last_error}` }));
  }
  return card;
}

function typeRows(t) {
  const number = (textContent) => el("td", { className: "number", textContent });
  const table = el("td");
  if (t.table) {
    table.append(el("button", { type: "button", className: "link", textContent: t.table, title: "Query this table", onclick: () => {
      $("sql").value = `select * from ${t.table} order by _time desc limit 20`;
      $("query").requestSubmit();
    } }));
  }
  const row = el("tr", {},
    el("td", { textContent: t.type, title: t.type }), table,
    // Rows and bytes are of loads: nobody has counted a table that never had one.
    number(t.last_loaded ? whole.format(t.rows) : "–"), number(t.last_loaded ? size(t.bytes) : "–"), number(t.columns),
    number(t.waiting.files ? waiting(t.waiting) : "–"),
    el("td", { textContent: ago(t.last_loaded), title: t.last_loaded ?? "" }));
  if (!t.error) return [row];
  return [row, el("tr", {}, el("td", { className: "error", colSpan: 7, textContent: t.error }))];
}

// audit tells whether conservation held when it was last looked at.
function audit(a) {
  $("audit").hidden = !a;
  if (!a) return;
  let text = "conservation was not audited yet";
  if (a.at) text = a.holds ? "conservation holds" : `conservation does not hold: ${whole.format(a.gaps)} ${a.gaps === 1 ? "gap" : "gaps"}, ${whole.format(a.gap_rows)} rows; see ikada audit`;
  if (a.at) text += ` (audited ${ago(a.at)})`;
  if (a.error) text += `; the last audit failed: ${a.error}`;
  $("audit").textContent = text;
  $("audit").className = (a.at && !a.holds) || a.error ? "error" : "hint";
}

// most returns the log types worth showing: those with errors, and of the
// others the ones with the most rows, in the order in which they came.
function most(types) {
  if (types.length <= maxTypes) return types;
  const kept = new Set(types.toSorted((a, b) => b.rows - a.rows).slice(0, maxTypes));
  return types.filter((t) => kept.has(t) || t.error);
}

// destination is where the last stage brings events.
function destination(stages) {
  const last = stages.at(-1)?.name;
  return { collect: "the stream", route: "the archive" }[last] ?? "its table";
}

function show(s) {
  $("state").textContent = s.state;
  $("state").className = `badge ${s.state}`;
  const facts = [`version ${s.version}`, `up ${span(secondsSince(s.started))}`];
  if (s.addresses.forward) facts.push(`Forward ${s.addresses.forward}`);
  facts.push(s.data_dir);
  $("facts").textContent = facts.join(" · ");
  const stages = s.stages ?? [];
  const unknown = stages.find((stage) => stage.backlog.unknown)?.backlog.unknown;
  $("lag").textContent = s.oldest_unloaded ? `oldest event on its way: ${span(secondsSince(s.oldest_unloaded))}`
    : unknown ? `what is on its way cannot be told: ${unknown}`
    : `every event is in ${destination(stages)}`;
  audit(s.audit);
  $("stages").replaceChildren(...stages.map(stage));
  const loads = stages.at(-1)?.name === "load";
  $("no-tables").hidden = loads;
  $("tables").hidden = $("query-section").hidden = !loads;
  const types = s.types ?? [];
  const shown = most(types);
  $("types-count").textContent = !loads ? "" : whole.format(types.length) + (shown.length < types.length ? `, of which the ${maxTypes} with the most rows, and those with errors, are shown` : "");
  draw($("types"), [shown, shown.map((t) => ago(t.last_loaded))], () => shown.flatMap(typeRows));
  if (!$("sql").value && types.length && types[0].table) {
    const largest = types.reduce((a, b) => (b.rows > a.rows ? b : a));
    $("sql").value = `select * from ${largest.table} order by _time desc limit 20`;
  }
}

async function refresh() {
  try {
    show(await (await call("/v1/status")).json());
    $("login").hidden = true;
    $("live").hidden = false;
    $("problem").hidden = true;
  } catch (error) {
    const asks = error instanceof Unauthorized;
    $("login").hidden = !asks;
    $("live").hidden = asks;
    $("problem").hidden = asks && !token;
    $("problem").textContent = asks ? "The token is not accepted." : `No answer: ${error.message}. What is shown is the last state.`;
    $("state").textContent = asks ? "locked" : "no answer";
    $("state").className = "badge lost";
  }
  setTimeout(refresh, document.hidden ? 5000 : 1000);
}

// ---- Queries ----

// exact keeps integers that a double would change.
const exact = (key, value, context) =>
  typeof value === "number" && context?.source && Number.isInteger(value) && !Number.isSafeInteger(value) ? context.source : value;

async function* readLines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const texts = (rest + value).split("\n");
    rest = texts.pop();
    for (const text of texts) yield JSON.parse(text, exact);
  }
}

function cell(value) {
  if (value === null) return el("td", { className: "null", textContent: "null" });
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return el("td", { className: typeof value === "number" ? "number" : "", textContent: text, title: text });
}

async function run(sql) {
  const stop = new AbortController();
  const body = el("tbody");
  let heads = [];
  try {
    const answer = await call(`/v1/query?limit=${maxRows}`, { method: "POST", body: sql, signal: stop.signal });
    for await (const line of readLines(answer)) {
      if (line.error) throw new Error(line.error);
      if (line.columns) {
        heads = line.columns.map((c) => el("th", { textContent: c }));
        $("result").replaceChildren(el("thead", {}, el("tr", {}, ...heads)), body);
      } else if (line.row) {
        line.row.forEach((value, i) => { if (typeof value === "number") heads[i].className = "number"; });
        body.append(el("tr", {}, ...line.row.map(cell)));
      } else {
        return `${line.more ? "the first " : ""}${whole.format(line.rows)} ${line.rows === 1 ? "row" : "rows"}`;
      }
    }
    throw new Error("the answer ended too early");
  } finally {
    stop.abort();
  }
}

$("query").addEventListener("submit", async (event) => {
  event.preventDefault();
  const outcome = $("outcome");
  const began = performance.now();
  $("run").disabled = true;
  outcome.className = "";
  outcome.textContent = "running …";
  try {
    outcome.textContent = `${await run($("sql").value)}, ${Math.round(performance.now() - began)} ms`;
  } catch (error) {
    $("result").replaceChildren();
    outcome.className = "bad";
    outcome.textContent = error instanceof Unauthorized ? "The token is not accepted." : error.message;
  }
  $("run").disabled = false;
});

$("sql").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $("query").requestSubmit();
  }
});

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("ikada-token", token);
  $("token").value = "";
  $("login").hidden = true;
});

refresh();
