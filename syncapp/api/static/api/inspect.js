"use strict";

// The push inspector: the list looks again by itself, code can be copied.

const EVERY_MS = 3000;
const rows = document.getElementById("rows");
const live = document.getElementById("live");

async function refresh() {
  if (!live.checked || document.hidden) return;
  let answer;
  try {
    answer = await fetch(rows.dataset.source, { credentials: "same-origin", headers: { Accept: "text/html" } });
  } catch {
    return; // away for a moment; the next look may reach it
  }
  if (answer.redirected) { location.reload(); return; } // the token has ended
  if (!answer.ok) return;
  const known = new Set([...rows.querySelectorAll(".call-row[id]")].map((row) => row.id));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const newest = fresh.querySelector(".call-row[id]");
  if (!newest || newest.id === rows.querySelector(".call-row[id]")?.id) return;
  for (const row of fresh.querySelectorAll(".call-row[id]")) row.classList.toggle("fresh", !known.has(row.id));
  rows.replaceChildren(...fresh.body.childNodes);
}

if (rows && live) setInterval(refresh, EVERY_MS);

for (const pre of document.querySelectorAll("pre[data-copy]")) {
  const box = document.createElement("div");
  const button = document.createElement("button");
  box.className = "pre";
  button.className = "copy";
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  pre.replaceWith(box);
  box.append(pre, button);
}
