"use strict";

// The documentation's pages: turning them without a reload (the key for trying things out stays in memory),
// the contents of the page, tabs, copying, colours of code, search.

const LANGUAGE = "api-docs-language";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ── Code ────────────────────────────────────────────────────────────────────

const JSON_PARTS = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\b/g;
const CODE_PARTS = /(^|\s)(#[^\n]*|\/\/[^\n]*)|("(?:\\.|[^"\\\n])*"|'[^']*')/gm;

function colour(code, isJson) {
  const text = code.textContent;
  const pieces = [];
  let end = 0;
  for (const found of text.matchAll(isJson ? JSON_PARTS : CODE_PARTS)) {
    const [all, first, second, third] = found;
    let kind, word = all, skipped = "";
    if (isJson) {
      word = first ?? third;
      kind = first ? (second ? "key" : "string") : "literal";
    } else {
      kind = second ? "comment" : "string";
      if (second) { skipped = first; word = second; }
      else word = third;
    }
    pieces.push(text.slice(end, found.index) + skipped, element("span", { class: `t-${kind}` }, word));
    end = found.index + skipped.length + word.length;
  }
  code.replaceChildren(...pieces, text.slice(end));
}

function furnishCode(pre) {
  const code = pre.querySelector("code") ?? pre;
  colour(code, pre.classList.contains("json"));
  if (pre.parentElement.classList.contains("pre")) return;
  const box = element("div", { class: "pre" });
  pre.replaceWith(box);
  const button = element("button", { type: "button", class: "copy" }, "Copy");
  button.addEventListener("click", () => copy(code.textContent, button));
  box.append(pre, button);
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Select and copy";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

// ── Tabs ────────────────────────────────────────────────────────────────────

function furnishTabs(box) {
  const sections = [...box.querySelectorAll(":scope > [data-tab]")];
  if (sections.length < 2) return box.classList.add("tabbed");
  const bar = element("div", { class: "bar", role: "tablist" });
  for (const section of sections) {
    const button = element("button", { type: "button", role: "tab" }, section.dataset.tab);
    button.addEventListener("click", () => choose(box, section.dataset.tab));
    button.addEventListener("keydown", (event) => walk(event, bar));
    section.setAttribute("role", "tabpanel");
    bar.append(button);
  }
  sections[0].before(bar);
  box.classList.add("tabbed");
  const kept = box.dataset.tabs === "language" ? localStorage.getItem(LANGUAGE) : null;
  show(box, sections.some((one) => one.dataset.tab === kept) ? kept : sections[0].dataset.tab);
}

function walk(event, bar) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const buttons = [...bar.children];
  const next = buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length];
  next.click();
  next.focus();
}

function choose(box, name) {
  if (box.dataset.tabs !== "language") return show(box, name);
  localStorage.setItem(LANGUAGE, name);
  for (const other of document.querySelectorAll("[data-tabs=language]")) {
    if (other.querySelector(`:scope > [data-tab="${name}"]`)) show(other, name);
  }
}

function show(box, name) {
  for (const section of box.querySelectorAll(":scope > [data-tab]")) section.hidden = section.dataset.tab !== name;
  for (const button of box.querySelectorAll(":scope > .bar > button")) {
    const chosen = button.textContent === name;
    button.setAttribute("aria-selected", chosen);
    button.tabIndex = chosen ? 0 : -1;
  }
}

// ── Pages ───────────────────────────────────────────────────────────────────

function furnish() {
  document.querySelectorAll("#main pre").forEach(furnishCode);
  document.querySelectorAll("#main .tabs").forEach(furnishTabs);
  for (const heading of document.querySelectorAll(".prose h2[id]")) {
    heading.append(element("a", { class: "heading-link", href: `#${heading.id}`, "aria-label": "Link to this section" }, "#"));
  }
  listContents();
  const menu = document.getElementById("menu");
  menu.open = matchMedia("(min-width: 821px)").matches;
  menu.classList.add("ready");
  document.dispatchEvent(new Event("page"));
}

function listContents() {
  const current = document.querySelector(".side [aria-current=page]");
  if (!current) return;
  const list = element("ul", { class: "inner" });
  for (const heading of document.querySelectorAll(".prose h2[id], .operation > h2")) {
    const id = heading.id || heading.parentElement.id;
    const words = heading.firstElementChild?.matches(".anchor") ? heading.firstElementChild.textContent : heading.firstChild.textContent;
    list.append(element("li", {}, element("a", { href: `#${id}` }, words)));
  }
  if (list.children.length > 1) current.after(list);
}

function showTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target) target.scrollIntoView();
  return Boolean(target);
}

let turning = 0;

async function turn(address, { push = true } = {}) {
  const url = new URL(address, location.href);
  const ticket = ++turning;
  let page;
  try {
    const answer = await fetch(url.pathname, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    location.href = url.href;
    return;
  }
  if (ticket !== turning) return;
  if (push) history.pushState(null, "", url);
  shown = url.pathname;
  document.title = page.title;
  document.querySelector(".frame").replaceWith(page.querySelector(".frame"));
  furnish();
  if (!showTarget()) scrollTo(0, 0);
  document.getElementById("main").focus({ preventScroll: true });
}

let shown = location.pathname;

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || "file" in link.dataset || !link.pathname.startsWith("/api/docs/")) return;
  closeSearch();
  if (link.pathname === location.pathname) {
    if (matchMedia("(max-width: 820px)").matches) document.getElementById("menu").open = false;
    return;
  }
  event.preventDefault();
  turn(link.href);
});
addEventListener("popstate", () => { if (location.pathname !== shown) turn(location.href, { push: false }); });

// ── Search ──────────────────────────────────────────────────────────────────

const field = document.getElementById("find");
const list = document.getElementById("found");
let index = null;

async function search() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return closeSearch();
  index ??= await (await fetch(field.dataset.index)).json();
  const found = index.map((entry) => [score(entry, words), entry]).filter(([points]) => points > 0);
  found.sort((one, other) => other[0] - one[0]);
  list.replaceChildren(...found.slice(0, 12).map(([, entry], number) => option(entry, number)));
  if (!found.length) list.replaceChildren(element("li", {}, element("p", {}, "Nothing found.")));
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
  select(0);
}

function score(entry, words) {
  const title = entry.title.toLowerCase(), rest = `${entry.words} ${entry.text}`.toLowerCase();
  let points = 0;
  for (const word of words) {
    if (title === word) points += 12;
    else if (title.startsWith(word)) points += 8;
    else if (title.includes(word)) points += 5;
    else if (entry.words.toLowerCase().includes(word)) points += 3;
    else if (rest.includes(word)) points += 1;
    else return 0;
  }
  return points;
}

function option(entry, number) {
  const words = element("small", {}, entry.words);
  const made = element("li", { role: "option", id: `found-${number}` }, element("a", { href: entry.url, tabindex: "-1" }, entry.title, words));
  made.addEventListener("mousemove", () => select(number));
  return made;
}

function select(number) {
  const options = [...list.querySelectorAll("[role=option]")];
  options.forEach((one, at) => one.setAttribute("aria-selected", at === number));
  options[number]?.scrollIntoView({ block: "nearest" });
  if (options[number]) field.setAttribute("aria-activedescendant", options[number].id);
}

function closeSearch() {
  list.hidden = true;
  field.setAttribute("aria-expanded", "false");
}

field.addEventListener("input", search);
field.addEventListener("focus", search);
field.addEventListener("blur", () => setTimeout(closeSearch, 200));
field.addEventListener("keydown", (event) => {
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    select((at + (event.key === "ArrowDown" ? 1 : options.length - 1)) % options.length);
  } else if (event.key === "Enter" && options[at]) {
    options[at].querySelector("a").click();
    field.blur();
  } else if (event.key === "Escape") {
    field.value = "";
    closeSearch();
  }
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  field.focus();
});

furnish();
showTarget(); // the page has become shorter: tabs hide all but one
