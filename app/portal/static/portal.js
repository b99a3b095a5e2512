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
  if (!all || !shown) return; // for whoever may only read the list
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

// Code to copy: a button that only a script can keep its word for.
for (const area of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "govuk-button govuk-button--secondary", textContent: "Copy" });
  const what = Object.assign(document.createElement("span"), { className: "govuk-visually-hidden", textContent: ` ${area.dataset.copy}` });
  const done = Object.assign(document.createElement("span"), { className: "govuk-body-s" });
  done.setAttribute("role", "status");
  button.append(what);
  button.addEventListener("click", async () => {
    area.select();
    try {
      await navigator.clipboard.writeText(area.value);
      done.textContent = " Copied";
    } catch {
      done.textContent = document.execCommand("copy") ? " Copied" : " Press Control and C to copy";
    }
  });
  area.after(button, done);
}

// The preview follows the form.
const preview = document.getElementById("preview");
if (preview) {
  const form = document.getElementById("heading").form;
  form.addEventListener("change", ({ target }) => {
    if (!["heading", "area", "accent", "kinds"].includes(target.name)) return;
    const query = new URLSearchParams();
    const set = (name, value) => value && query.set(name, value);
    set("heading", form.heading.value.trim().slice(0, 100));
    set("area", form.area.value);
    const colour = form.accent.value.trim().replace(/^#/, "");
    if (/^[0-9a-f]{6}$/i.test(colour)) query.set("accent", colour);
    set("kinds", [...form.querySelectorAll("[name=kinds]:checked")].map((box) => box.value).join(","));
    // In place of the last, so that Back leaves the page.
    const next = preview.cloneNode();
    next.src = `${preview.dataset.base}?${query}#${preview.dataset.token}`;
    document.getElementById("preview").replaceWith(next);
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
