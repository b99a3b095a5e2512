// The table twin of the map: sorted by any column, page by page.
import { number } from "./labels.js";

const PER_PAGE = 50;

function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...content);
  return made;
}

export class Table {
  #place;
  #pager;
  #columns = [];
  #rows = [];
  #sorted = { column: 0, down: false };
  #page = 0;

  constructor(place, pager) {
    [this.#place, this.#pager] = [place, pager];
  }

  /** Columns are `{title, key(row), cell(row), number}`; `key` is what they are sorted by. */
  show(caption, columns, rows, { keep = false } = {}) {
    if (!keep) [this.#sorted, this.#page] = [{ column: 0, down: false }, 0];
    this.caption = caption;
    this.#columns = columns;
    this.#rows = [...rows];
    this.#sort();
    this.#page = Math.min(this.#page, this.#pages() - 1);
    this.#draw();
  }

  #pages() {
    return Math.max(1, Math.ceil(this.#rows.length / PER_PAGE));
  }

  /** Unknown values come last, whichever way. */
  #sort() {
    const { column, down } = this.#sorted;
    const { key } = this.#columns[column];
    const keys = new Map(this.#rows.map((row) => [row, key(row)]));
    const sign = down ? -1 : 1;
    this.#rows.sort((a, b) => {
      const [x, y] = [keys.get(a), keys.get(b)];
      if (x === y) return a - b;
      if (x === null || y === null) return x === null ? 1 : -1;
      return x < y ? -sign : sign;
    });
  }

  #by(column) {
    this.#sorted = { column, down: this.#sorted.column === column && !this.#sorted.down };
    this.#page = 0;
    this.#sort();
    this.#draw();
    this.#place.querySelectorAll("thead button")[column].focus();
  }

  #turn(page, name) {
    this.#page = page;
    this.#draw();
    this.#place.scrollTop = 0;
    const again = this.#pager.querySelector(`[name=${name}]:enabled`) ?? this.#pager.querySelector("button:enabled");
    again?.focus();
  }

  #draw() {
    const { column, down } = this.#sorted;
    const heads = this.#columns.map((each, n) => {
      const state = n === column ? (down ? "descending" : "ascending") : "none";
      const button = element("button", { type: "button", onclick: () => this.#by(n) }, each.title);
      return element("th", { scope: "col", "aria-sort": state, class: each.number && "n" }, button);
    });
    const some = this.#rows.slice(this.#page * PER_PAGE, (this.#page + 1) * PER_PAGE);
    const body = some.map((row) => {
      const cells = this.#columns.map((each, n) => {
        const attributes = { class: each.number && "n" };
        return n ? element("td", attributes, each.cell(row)) : element("th", { scope: "row" }, each.cell(row));
      });
      return element("tr", {}, ...cells);
    });
    const table = element("table", {},
      element("caption", {}, this.caption),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...body));
    this.#place.replaceChildren(some.length ? table : element("p", { class: "none" }, "No results match the filters."));
    const last = this.#pages() - 1;
    const turn = (name, text, page, isOff) =>
      element("button", { type: "button", class: "plain", name, disabled: isOff, onclick: () => this.#turn(page, name) }, text);
    const said = `Page ${number(this.#page + 1)} of ${number(last + 1)}`;
    this.#pager.hidden = last === 0;
    this.#pager.replaceChildren(
      turn("previous", "Previous", this.#page - 1, this.#page === 0),
      element("span", {}, said),
      turn("next", "Next", this.#page + 1, this.#page === last));
  }
}

export { element };
