"use strict";

// Trying an operation out. The key stays in this variable: nothing is stored, a reload forgets it.

const keyField = document.getElementById("api-key");
let key = keyField.dataset.demo;
const SHOWN_HEADERS = ["content-type", "location", "etag", "retry-after", "link", "ratelimit", "member-quota", "idempotency-replayed", "x-request-id"];

keyField.value = key;
keyField.addEventListener("input", () => { key = keyField.value.trim(); sayKey(); });
document.addEventListener("click", (event) => {
  const box = document.getElementById("key-box");
  if (!box.contains(event.target)) box.open = false;
});

function sayKey() {
  const state = document.getElementById("key-state");
  state.textContent = key === "" ? "No key" : key === keyField.dataset.demo ? "Demo key" : "Key set";
  state.classList.toggle("set", key !== "");
}

function furnishForms() {
  for (const form of document.querySelectorAll(".try form")) {
    const kinds = form.querySelector(".media-type");
    if (kinds) {
      kinds.addEventListener("change", () => fill(form));
      fill(form);
    }
    form.addEventListener("submit", (event) => { event.preventDefault(); send(form); });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) form.requestSubmit();
    });
  }
}

function fill(form) {
  form.querySelector(".body").value = form.querySelector(".media-type").selectedOptions[0].dataset.sample;
}

function addressOf(operation, form) {
  let path = operation.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("[data-in]")) {
    if (input.dataset.in === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    else if (input.dataset.in === "query" && input.value !== "") query.set(input.name, input.value);
  }
  return query.size ? `${path}?${query}` : path;
}

function headersOf(form) {
  const headers = new Headers({ Accept: "application/json" });
  if (key !== "") headers.set("Authorization", `Bearer ${key}`);
  for (const input of form.querySelectorAll("[data-in=header]")) {
    if (input.value !== "") headers.set(input.name, input.value);
  }
  const kinds = form.querySelector(".media-type");
  if (kinds) headers.set("Content-Type", kinds.value);
  return headers;
}

async function send(form) {
  const operation = form.closest(".operation");
  const hint = form.querySelector(".hint");
  const missing = [...form.querySelectorAll("[required]")].find((input) => input.value === "");
  hint.textContent = "";
  if (missing) {
    hint.textContent = `Fill in ${missing.name}.`;
    missing.focus();
    return;
  }
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const began = performance.now();
  try {
    const body = form.querySelector(".body");
    const answer = await fetch(addressOf(operation, form), {
      method: operation.dataset.method, headers: headersOf(form), body: body ? body.value : undefined,
      credentials: "omit", cache: "no-store", redirect: "manual",
    });
    const text = await answer.text();
    showAnswer(form.parentElement.querySelector(".result"), answer, text, performance.now() - began);
    if (answer.status === 401) hint.textContent = key === "" ? "Paste an API key first: at the top right." : "This key is not valid.";
  } catch (error) {
    hint.textContent = `No answer: ${error.message}`;
  } finally {
    button.disabled = false;
  }
}

function showAnswer(result, answer, text, took) {
  const status = result.querySelector(".status");
  status.textContent = answer.status;
  status.className = `status ${answer.status < 400 ? "good" : "bad"}`;
  result.querySelector(".meta").textContent = `${answer.statusText} · ${Math.round(took)} ms · ${text.length.toLocaleString("en")} characters`;
  const [headers, body] = result.querySelectorAll("pre code");
  headers.textContent = SHOWN_HEADERS.filter((name) => answer.headers.has(name)).map((name) => `${name}: ${answer.headers.get(name)}`).join("\n");
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it came */ }
  body.textContent = shown === "" ? "(no body)" : shown;
  result.hidden = false;
  result.querySelectorAll("pre").forEach(furnishCode);
}

document.addEventListener("page", furnishForms);
sayKey();
furnishForms();
