import { initAll } from "../vendor/govuk.js";

initAll();

// Says aloud what a list or a run has come to, and only when that is something new.
const announce = document.getElementById("announce");
let said = "";
function tell() {
  const text = [...document.querySelectorAll("[data-announce]")].map((e) => e.textContent.trim()).join(" ");
  if (said && text !== said) announce.textContent = text;
  said = text;
}

// How many proposals are selected, and one box that selects all of the page.
function choose() {
  const form = document.getElementById("bulk");
  if (!form || form.dataset.ready) return;
  form.dataset.ready = "yes";
  const boxes = [...form.querySelectorAll('input[name="chosen"]')];
  const all = form.querySelector("#all-here");
  const shown = form.querySelector("[data-chosen]");
  all.closest("label").hidden = false;
  const count = () => {
    const number = boxes.filter((box) => box.checked).length;
    all.checked = number === boxes.length;
    all.indeterminate = number > 0 && number < boxes.length;
    shown.textContent = number ? `${number.toLocaleString("en-GB")} selected:` : "Selected proposals:";
    for (const box of boxes) box.closest("tr").classList.toggle("chosen", box.checked);
  };
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; count(); });
  form.addEventListener("change", (event) => { if (event.target.name === "chosen") count(); });
  count();
}

// Another kind of file needs another form: no second button for those who have scripts.
document.querySelector(".gt-kind select")?.addEventListener("change", (event) => event.target.form.submit());

// What is chosen on the map of a run is told and decided on beside it. The frame has no origin of
// its own ("null"), so it is known by its window.
const frame = document.getElementById("review-map");
const place = document.getElementById("proposal-card");
if (frame) {
  const send = (message) => frame.contentWindow.postMessage({ to: "partnership-map", ...message }, "*");
  const greet = () => send({ type: "hello" });
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== frame.contentWindow || origin !== "null" || data?.from !== "partnership-map") return;
    if (data.type === "select") place.replaceChildren();
    else if (data.type === "pairing" && Number.isInteger(data.detail?.id)) {
      htmx.ajax("GET", `${place.dataset.base}/${data.detail.id}/card`, { target: place, swap: "innerHTML" });
    }
  });
  frame.addEventListener("load", greet);
  greet();
  place.addEventListener("htmx:afterSettle", () => {
    const card = place.querySelector("[data-proposal]");
    if (!card) return;
    initAll({ scope: place });
    card.querySelector(".govuk-error-summary, .gt-done, h2")?.focus();
    send({ type: "decided", id: Number(card.dataset.proposal), state: card.dataset.state });
  });
}

tell();
choose();
document.body.addEventListener("htmx:afterSettle", ({ target }) => {
  tell();
  choose();
  if (!target.matches(".gt-answer")) return;
  initAll({ scope: target });
  target.querySelector("input[type=radio]")?.focus();
});
