// What is shown: kinds, steps of the ladder, an area, an expertise and words.
import { palette, symbol } from "./field.js";
import { KINDS, LADDER, number } from "./labels.js";
import { words } from "./layer.js";
import { element } from "./table.js";

const compare = new Intl.Collator("en-GB").compare;
const sortedWords = (words) => [...new Set(words.filter(Boolean))].sort(compare);

function picture(draw) {
  const canvas = element("canvas", { width: 44, height: 44, "aria-hidden": "true" });
  const c = canvas.getContext("2d");
  c.scale(2, 2);
  draw(c, palette());
  return canvas;
}

function choice(name, value, text, count, draw) {
  const box = element("input", { type: "checkbox", name, value, checked: true });
  const said = element("span", {}, text, " ", element("small", {}, number(count)));
  const label = element("label", {}, box, picture(draw), said);
  label.redraw = () => label.querySelector("canvas").replaceWith(picture(draw));
  return label;
}

/** What ended while it was looked at; the layer itself holds none of these. */
const ENDED = new Set(["declined", "withdrawn", "lapsed", "replaced", "completed"]);
const DASHES = { region: [6, 2], designated: [4, 2], elsewhere: [2, 2] };

export function fillFilters(form, layer) {
  const of = (column, n) => column.reduce((sum, each) => sum + (each === n), 0);
  layer.symbols.forEach((kind, n) => {
    const count = of(layer.symbol, n);
    if (count) form.kinds.append(choice("kind", n, KINDS[kind], count, (c, colours) => symbol(c, kind, 11, 11, 6.5, colours[kind], colours.edge)));
  });
  const hasPairings = layer.pairings.giver.length > 0;
  form.ladder.hidden = !hasPairings;
  form.querySelector("#direction").toggleAttribute("hidden", !hasPairings);
  layer.ladder.forEach((step, n) => {
    const count = of(layer.pairings.ladder, n);
    if (count) form.ladder.append(choice("step", n, LADDER[step], count, (c, colours) => {
      c.strokeStyle = colours[step];
      c.lineWidth = 3;
      c.setLineDash(DASHES[step] ?? []);
      c.moveTo(0, 11);
      c.lineTo(22, 11);
      c.stroke();
    }));
  });
  const group = (label, words) => element("optgroup", { label }, ...words.map((word) => element("option", {}, word)));
  form.area.append(group("Regions", sortedWords(layer.regions)), group("Local authorities", sortedWords(layer.areas)));
  form.querySelector("#expertise-field").hidden = layer.expertise.length === 0;
  form.expertise.append(...sortedWords(layer.expertise).map((word) => element("option", {}, word)));
}

export function restyleFilters(form) {
  for (const label of form.querySelectorAll("fieldset label")) label.redraw();
}

/** Who and which pairings pass: `{base, shown, arcs}`; a partner from outside of the `base`
 * is shown with its pairing. */
export function passing(form, layer, wanted) {
  const on = (name) => new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => Number(box.value)));
  const [kinds, steps] = [on("kind"), on("step")];
  const area = form.area.value;
  const expertise = form.expertise.value ? layer.expertise.indexOf(form.expertise.value) : -1;
  const inArea = layer.areas.map((name, n) => !area || name === area || layer.regions[n] === area);
  const parts = words(wanted).trim().split(" ").filter(Boolean).map((part) => ` ${part}`);
  const base = new Uint8Array(layer.count);
  for (let i = 0; i < layer.count; i++) {
    base[i] = inArea[layer.area[i]] && parts.every((part) => layer.text[i].includes(part)) ? 1 : 0;
  }
  const shown = new Uint8Array(layer.count);
  const { giver, taker, ladder, state, states } = layer.pairings;
  const arcs = [];
  for (let k = 0; k < giver.length; k++) {
    const [g, t] = [giver[k], taker[k]];
    if (ENDED.has(states[state[k]])) continue;
    if (!steps.has(ladder[k]) || !(base[g] || base[t])) continue;
    if (expertise >= 0 && layer.pairings.expertise[k] !== expertise) continue;
    if (!kinds.has(layer.symbol[g]) || !kinds.has(layer.symbol[t])) continue;
    shown[g] = shown[t] = 1;
    arcs.push(k);
  }
  for (let i = 0; i < layer.count; i++) {
    if (!kinds.has(layer.symbol[i])) base[i] = 0;
    if (base[i] && (expertise < 0 || layer.offers[i].includes(expertise))) shown[i] = 1;
  }
  return { base, shown, arcs };
}
