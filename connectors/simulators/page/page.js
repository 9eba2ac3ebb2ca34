"use strict";
// Everything shown goes through textContent: what an address or a name holds is never read as HTML.
const $ = (id) => document.getElementById(id);
const chosen = { list: "", open: "" };
const TONES = { Active: "good", Unconfirmed: "warn", Unsubscribed: "bad", Bounced: "bad", Deleted: "" };
const FAULTS = [
  ["429, wait 3 s", { kind: "rate_limited", retry_after: 3 }],
  ["429, no header", { kind: "rate_limited" }],
  ["500", { kind: "status", status: 500 }],
  ["502 as HTML", { kind: "html", status: 502 }],
  ["503", { kind: "status", status: 503 }],
  ["Reset before", { kind: "reset_before" }],
  ["Reset after", { kind: "reset_after" }],
  ["10 s slow", { kind: "slow", seconds: 10 }],
  ["Drip for 10 s", { kind: "drip", seconds: 10 }],
  ["Half an answer", { kind: "truncated" }],
  ["Broken JSON", { kind: "bad_json" }],
  ["204, done", { kind: "emptied" }],
  ["308", { kind: "redirect", status: 308 }],
];
const ACTS = [["confirm", "Confirm"], ["unsubscribe", "Unsubscribe link"], ["complain", "Spam complaint"],
  ["bounce", "Bounce"], ["delete", "Delete"]];
const POSSIBLE = { Active: ACTS.slice(1), Unconfirmed: ACTS, Deleted: [] };

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Changes only the rows that differ, so that nothing flickers and no focus is lost.
function sync(parent, items, keyOf, render) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item)), text = JSON.stringify(item);
    let node = old.get(key);
    old.delete(key);
    if (!node || node.dataset.text !== text) {
      const fresh = render(item);
      fresh.dataset.key = key;
      fresh.dataset.text = text;
      if (node) {
        if (place === node) place = fresh;
        node.replaceWith(fresh);
      }
      node = fresh;
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

async function ask(path, method = "GET", data) {
  const response = await fetch("/control/" + path, {
    method, headers: { "Content-Type": "application/json" }, body: data ? JSON.stringify(data) : undefined,
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

let noticeTimer;
function notice(text) {
  put("notice", text);
  $("notice").hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { $("notice").hidden = true; }, 5000);
}

async function attempt(work) {
  try { await work(); await refresh(); } catch (error) { notice(error.message); }
}

const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString();
const moment = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
const number = (value) => value.toLocaleString();

function renderList(list) {
  const button = make("button", "list", make("span", "", list.name), make("span", "count", number(list.states.Active ?? 0)));
  button.title = Object.entries(list.states).map(([state, count]) => `${state} ${count}`).join(" · ");
  button.setAttribute("aria-current", String(list.current));
  button.onclick = () => { chosen.list = list.id; attempt(async () => {}); };
  return button;
}

function renderClient(client) {
  return make("section", "client",
    make("div", "", make("h3", "", client.name), ...client.notes.map((note) => make("p", "quiet", note))),
    ...client.lists.map(renderList));
}

function renderPerson(person) {
  const fields = Object.entries(person.fields).map(([name, value]) =>
    make("span", "", make("b", "", name), Array.isArray(value) ? value.join(", ") : value));
  const row = make("div", "row person",
    make("div", "who", make("b", "", person.name || "No name"), " ", make("span", "quiet", person.email)),
    make("div", "side", make("span", "pill " + (TONES[person.state] ?? ""), person.state)),
    fields.length ? make("div", "fields", ...fields) : null,
    make("div", "fields quiet", `Last change ${moment(person.edited)}`));
  const possible = POSSIBLE[person.state] ?? ACTS.slice(-1);
  if (!possible.length) return row;
  const buttons = make("div", "acts", ...possible.map(([name, label]) => {
    const button = make("button", "act", label);
    button.type = "button";
    button.onclick = () => attempt(() => ask("acts/" + name, "POST", { list_id: chosen.list, email: person.email }));
    return button;
  }));
  row.append(make("details", "", make("summary", "quiet", "Let something happen"), buttons));
  return row;
}

function renderCall(call) {
  const tone = call.status === 0 || call.status >= 500 ? "bad" : call.status >= 400 ? "warn" : "good";
  const status = make("span", "pill " + tone, call.status === 0 ? "reset" : String(call.status));
  const more = [clock(call.time), call.rows ? `${number(call.rows)} rows` : "", call.fault.replaceAll("_", " ")];
  const what = make("span", "what", make("span", "", `${call.method} ${call.operation}`),
    make("span", "quiet", more.filter(Boolean).join(" · ")));
  what.title = call.path;
  return make("div", "row call", status, what, make("span", "ms", `${number(call.ms)} ms`));
}

function renderFault(fault) {
  return make("div", "row waiting", make("span", "", fault.kind.replaceAll("_", " ") + (fault.match === "*" ? "" : ` on ${fault.match}`)),
    make("span", "quiet", fault.count === null ? "until removed" : `${fault.count} to go`));
}

function showStates(states) {
  const known = [...$("state").options].slice(1).map((option) => option.value);
  if (known.join() !== states.join()) {
    $("state").replaceChildren(new Option("All states", ""), ...states.map((state) => new Option(state, state)));
  }
}

async function showPeople(list) {
  put("list-name", list ? list.name : "No list chosen");
  put("list-notes", list ? [...list.notes, list.id].join(" · ") : "");
  const query = new URLSearchParams({ search: $("search").value.trim(), state: $("state").value, limit: "50" });
  const found = list ? await ask(`lists/${list.id}/subscribers?${query}`) : { total: 0, subscribers: [] };
  put("total", found.total > 50 ? `latest 50 of ${number(found.total)}` : `${number(found.total)} people`);
  sync($("subscribers"), found.subscribers, (person) => person.email.toLowerCase(), renderPerson);
  $("nobody").hidden = found.total > 0;
}

async function refresh() {
  const now = await ask("overview");
  document.title = `${now.label} simulator`;
  put("label", now.label);
  put("base", now.base_url);
  if (document.activeElement !== $("latency")) $("latency").value = now.latency_ms;
  const lists = now.clients.flatMap((client) => client.lists);
  if (!lists.some((list) => list.id === chosen.list)) chosen.list = lists.length ? lists[0].id : "";
  for (const list of lists) list.current = list.id === chosen.list;
  sync($("clients"), now.clients, (client) => client.id, renderClient);
  showStates(now.states);
  sync($("calls"), now.calls, (call) => call.number, renderCall);
  $("silence").hidden = now.calls.length > 0;
  const sum = (name) => Object.values(now.counters).reduce((total, counts) => total + (counts[name] ?? 0), 0);
  put("totals", `${number(sum("requests"))} requests · ${number(sum("accepted"))} people accepted · ${number(sum("effects"))} changed`);
  sync($("faults"), now.faults.map((fault, place) => ({ ...fault, place })), (fault) => fault.place, renderFault);
  await showPeople(lists.find((list) => list.current));
}

async function tick() {
  try {
    if (!document.hidden) await refresh();
    put("live", "Live");
    $("live").className = "on";
  } catch {
    put("live", "No answer");
    $("live").className = "off";
  }
  setTimeout(tick, 1000);
}

$("fault-buttons").append(...FAULTS.map(([label, fault]) => {
  const button = make("button", "", label);
  button.type = "button";
  button.onclick = () => attempt(() =>
    ask("faults", "POST", { faults: [{ ...fault, count: Number($("times").value) || 1 }] }));
  return button;
}), (() => {
  const button = make("button", "", "Remove all");
  button.type = "button";
  button.onclick = () => attempt(() => ask("faults", "DELETE", {}));
  return button;
})());
$("latency").onchange = () => attempt(() => ask("latency", "POST", { ms: Number($("latency").value) }));
$("search").oninput = $("state").onchange = () => attempt(async () => {});
$("filter").onsubmit = (event) => event.preventDefault();
tick();
