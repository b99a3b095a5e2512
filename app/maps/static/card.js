// The card of what is selected: who it is, what it offers, whom it supports and who supports it.
import { counted, days, KINDS, LADDER, miles, number, STATES } from "./labels.js";
import { element } from "./table.js";

const SHOWN = 12;

export function ages(layer, at) {
  const [low, high] = [layer.low[at], layer.high[at]];
  return low === null || high === null ? "" : `ages ${low} to ${high}`;
}

/** What one marker is, in a line. */
export function said(layer, at) {
  const parts = [layer.name[at], KINDS[layer.symbols[layer.symbol[at]]]];
  const [gives, takes] = [layer.given[at].length, layer.taken[at].length];
  if (gives) parts.push(`gives support to ${number(gives)}`);
  if (takes) parts.push(`receives support from ${number(takes)}`);
  return parts.join(", ");
}

function support(layer, title, pairings, other, { select, pair }) {
  if (!pairings.length) return "";
  const listed = pairings.slice(0, SHOWN).map((k) => {
    const { expertise, half_days: halfDays, ladder, miles: far, remote } = layer.pairings;
    const step = layer.ladder[ladder[k]];
    const partner = other[k];
    const facts = [days(halfDays[k]), remote[k] ? "remote" : miles(far[k]), LADDER[step].toLowerCase()].filter(Boolean);
    return element("li", { class: `step ${step}` },
      element("button", { type: "button", class: "link strong", onclick: () => pair(k) }, layer.expertise[expertise[k]]),
      element("button", { type: "button", class: "link", onclick: () => select(partner) }, layer.name[partner]),
      element("span", {}, facts.join(", ")));
  });
  if (pairings.length > SHOWN) listed.push(element("li", {}, `and ${number(pairings.length - SHOWN)} more in the list`));
  return element("div", {}, element("h3", {}, title), element("ul", {}, ...listed));
}

export function fill(card, layer, at, { select, pair, close, onMap }) {
  const type = layer.types[layer.type[at]];
  const where = [layer.areas[layer.area[at]], layer.postcode[at]].filter(Boolean).join(", ");
  const facts = [type, ages(layer, at)].filter(Boolean).join(", ");
  const offers = layer.offers[at].map((code) => element("li", {}, layer.expertise[code]));
  card.replaceChildren(
    element("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, "×"),
    element("h2", {}, layer.name[at]),
    element("p", {}, facts),
    element("p", {}, where),
    Number.isNaN(layer.x[at]) ? element("p", { class: "quiet" }, "This location is not known, so it is not on the map.") : "",
    Number.isNaN(layer.x[at]) || !onMap ? "" : element("p", { class: "to-map" }, element("button", { type: "button", class: "plain", onclick: onMap }, "Show on the map")),
    offers.length ? element("div", {}, element("h3", {}, "Can offer"), element("ul", { class: "dots" }, ...offers)) : "",
    support(layer, "Gives support to", layer.given[at], layer.pairings.taker, { select, pair }),
    support(layer, "Receives support from", layer.taken[at], layer.pairings.giver, { select, pair }),
  );
}

/** One pairing: who gives what to whom. */
export function fillPairing(card, layer, k, { select, close }) {
  const { expertise, giver, half_days: halfDays, ladder, miles: far, remote, state, states, taker } = layer.pairings;
  const step = layer.ladder[ladder[k]];
  const who = (at) => element("button", { type: "button", class: "link", onclick: () => select(at) }, layer.name[at]);
  const facts = [days(halfDays[k]), remote[k] ? "remote" : miles(far[k]), LADDER[step].toLowerCase()].filter(Boolean);
  card.replaceChildren(
    element("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, "×"),
    element("h2", {}, layer.expertise[expertise[k]]),
    element("p", {}, "From ", who(giver[k]), " to ", who(taker[k])),
    element("p", {}, facts.join(", ")),
    element("p", { class: "quiet" }, STATES[states[state[k]]]),
  );
}

export function fillCluster(card, layer, members, { select, close }) {
  const listed = members.slice(0, 40).map((at) =>
    element("li", {}, element("button", { type: "button", class: "link", onclick: () => select(at) }, layer.name[at])));
  if (members.length > listed.length) listed.push(element("li", {}, `and ${number(members.length - listed.length)} more`));
  card.replaceChildren(
    element("button", { type: "button", class: "close", "aria-label": "Close", onclick: close }, "×"),
    element("h2", {}, `${counted(members.length, "school or organisation", "schools and organisations")} in one place`),
    element("ul", {}, ...listed),
  );
}
