// Small behaviours of the shell. No inline scripts anywhere: the pages' policy forbids them.

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details[data-closes-outside][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const copy = event.target.closest("[data-copies]");
  if (copy) copyText(copy);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-closes-outside][open]")) menu.open = false;
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-filters-list]")) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const choice of event.target.parentElement.querySelectorAll("[data-filtered-list] button")) {
    choice.hidden = !choice.textContent.toLowerCase().includes(wanted);
  }
});

async function copyText(button) {
  const source = document.getElementById(button.dataset.copies);
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl C";
  }
  setTimeout(() => { button.textContent = words; }, 2000);
}
