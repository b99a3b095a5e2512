// The list: what the map shows, as tables of schools and of pairings.
import { inDays, KINDS, LADDER, number, SIDES, STATES } from "./labels.js";
import { element, Table } from "./table.js";

const LISTS = ["participants", "pairings"];

export class Listing {
  #layer;
  #table;
  #choose;
  #pair;
  #passed = { shown: [], arcs: [] };
  #wanted = "participants";
  #ranked = null;

  constructor(layer, { choose, pair }) {
    this.#layer = layer;
    this.#choose = choose;
    this.#pair = pair;
    this.#table = new Table(document.getElementById("table"), document.getElementById("pager"));
    document.getElementById("tabs").hidden = !layer.pairings.giver.length;
    for (const name of LISTS) document.getElementById(`list-${name}`).addEventListener("click", () => this.#turnTo(name));
  }

  /** Show what passed the filters; `keep` the order and, where there is one, the page. */
  show(passed, { keep = false } = {}) {
    this.#passed = passed;
    if (this.#wanted === "pairings") {
      this.#table.show("Pairings", this.#ofPairings(), passed.arcs, { keep });
    } else {
      const rows = [...this.#layer.name.keys()].filter((at) => passed.shown[at]);
      this.#table.show("Schools and organisations", this.#ofParticipants(), rows, { keep });
    }
  }

  #turnTo(name) {
    this.#wanted = name;
    for (const each of LISTS) document.getElementById(`list-${each}`).setAttribute("aria-pressed", String(each === name));
    this.show(this.#passed);
  }

  /** Places of all by name, worked out once: it takes a while for the whole country. */
  #rank(at) {
    if (!this.#ranked) {
      const { name } = this.#layer;
      const { compare } = new Intl.Collator("en-GB", { numeric: true });
      this.#ranked = new Uint32Array(name.length);
      [...name.keys()].sort((a, b) => compare(name[a], name[b])).forEach((each, n) => (this.#ranked[each] = n));
    }
    return this.#ranked[at];
  }

  #who(at) {
    return element("button", { type: "button", class: "link", onclick: () => this.#choose(at) }, this.#layer.name[at]);
  }

  #which(k) {
    const { expertise, name, pairings: p } = this.#layer;
    const text = expertise[p.expertise[k]];
    const label = `${text}: ${name[p.giver[k]]} supporting ${name[p.taker[k]]}`;
    return element("button", { type: "button", class: "link", "aria-label": label, onclick: () => this.#pair(k) }, text);
  }

  #ofParticipants() {
    const { areas, area, expertise, given, hasOffers, offers, pairings, postcode, symbol, symbols, taken } = this.#layer;
    const kind = (at) => KINDS[symbols[symbol[at]]];
    const offered = (at) => offers[at].map((code) => expertise[code]).join(", ");
    const counted = (title, lists) => ({ title, number: true, key: (at) => lists[at].length, cell: (at) => (lists[at].length ? number(lists[at].length) : "") });
    return [
      { title: "Name", key: (at) => this.#rank(at), cell: (at) => this.#who(at) },
      { title: "Kind", key: kind, cell: kind },
      { title: "Local authority", key: (at) => areas[area[at]], cell: (at) => areas[area[at]] ?? "" },
      { title: "Postcode", key: (at) => postcode[at] || null, cell: (at) => postcode[at] },
      ...(pairings.giver.length ? [counted("Gives support to", given), counted("Receives support from", taken)] : []),
      ...(hasOffers ? [{ title: "Can offer", key: (at) => offered(at) || null, cell: offered }] : []),
    ];
  }

  #ofPairings() {
    const { expertise, ladder, layer, pairings: p } = this.#layer;
    const far = (k) => (p.remote[k] ? "Remote" : (p.miles[k]?.toFixed(1) ?? ""));
    const state = (k) => STATES[p.states[p.state[k]]];
    return [
      { title: SIDES.giver, key: (k) => this.#rank(p.giver[k]), cell: (k) => this.#who(p.giver[k]) },
      { title: SIDES.taker, key: (k) => this.#rank(p.taker[k]), cell: (k) => this.#who(p.taker[k]) },
      { title: "Expertise", key: (k) => expertise[p.expertise[k]], cell: (k) => this.#which(k) },
      { title: "Days", number: true, key: (k) => p.half_days[k], cell: (k) => inDays(p.half_days[k]) },
      { title: "Miles", number: true, key: (k) => p.miles[k], cell: far },
      { title: "From", key: (k) => p.ladder[k], cell: (k) => LADDER[ladder[p.ladder[k]]] },
      ...(layer === "partner" ? [{ title: "State", key: state, cell: state }] : []),
    ];
  }
}
