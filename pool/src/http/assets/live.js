// Keeps a page as it is on the server, and copies texts. Pages are complete without it.
"use strict";

// Parts of the page that have changed come as they would stand in it.
const page = document.body.dataset.live;
const sign = document.getElementById("live");
if (page && "EventSource" in window) {
  const source = new EventSource("/live?page=" + encodeURIComponent(page));
  source.addEventListener("parts", (event) => {
    const parts = JSON.parse(event.data);
    for (const id in parts) put(document.getElementById(id), parts[id]);
  });
  source.onopen = () => show(true);
  source.onerror = () => show(false);
}

function put(part, html) {
  if (!part || part.dataset.html === html || busy(part)) return;
  const open = [...part.querySelectorAll("details")].map((details) => details.open);
  part.innerHTML = html;
  part.querySelectorAll("details").forEach((details, place) => (details.open = !!open[place]));
}

// Nobody's selection or focus is taken away.
function busy(part) {
  const selection = document.getSelection();
  const selects = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  return selects || part.contains(document.activeElement);
}

function show(live) {
  if (!sign) return;
  sign.hidden = false;
  sign.textContent = live ? "live" : "waiting for the pool";
  sign.classList.toggle("lost", !live);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}
