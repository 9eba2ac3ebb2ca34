// Connections' pages work without this; it spares a click.
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button, input, summary, details")) {
    window.location.href = row.dataset.href;
  }
});
