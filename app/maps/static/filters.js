// What is shown: kinds, steps of the ladder, states, priorities, an area, an expertise and words.
import { palette, symbol } from "./field.js";
import { counted, KINDS, LADDER, number, priority, STATES } from "./labels.js";
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
  if (!draw) return element("label", {}, box, said);
  const label = element("label", {}, box, picture(draw), said);
  label.redraw = () => label.querySelector("canvas").replaceWith(picture(draw));
  return label;
}

/** What ended while it was looked at; the layer itself holds none of these. */
const ENDED = new Set(["declined", "withdrawn", "lapsed", "replaced", "completed"]);
const APPROVED = new Set(["approved", "approved_with_conditions"]);
/** More arcs than anybody can follow. */
const FOLLOWED = 250;
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
  if (hasPairings && layer.run !== null) fillRun(form, layer);
  form.querySelector("#everyone-field").toggleAttribute("hidden", !hasPairings);
  const group = (label, words) => element("optgroup", { label }, ...words.map((word) => element("option", {}, word)));
  form.area.append(group("Regions", sortedWords(layer.regions)), group("Local authorities", sortedWords(layer.areas)));
  form.querySelector("#expertise-field").hidden = layer.expertise.length === 0;
  form.expertise.append(...sortedWords(layer.expertise).map((word) => element("option", {}, word)));
}

/** What only a run has: states, whether a decision waits, and how urgent needs are. */
function fillRun(form, layer) {
  const { priority: priorities, state, states } = layer.pairings;
  const live = states.filter((name) => !ENDED.has(name));
  const count = (test) => state.reduce((sum, n, k) => sum + (!ENDED.has(states[n]) && test(states[n], k)), 0);
  if (live.length > 1) {
    form.states.hidden = false;
    for (const name of Object.keys(STATES).filter((each) => live.includes(each)))
      form.states.append(choice("state", name, STATES[name], count((each) => each === name)));
  }
  const waiting = count((name) => !APPROVED.has(name));
  form.querySelector("#waits-field").toggleAttribute("hidden", !waiting || waiting === count(() => true));
  const levels = [...new Set(priorities ?? [])].sort();
  if (levels.length > 1) {
    form.priorities.hidden = false;
    for (const level of levels)
      form.priorities.append(choice("priority", level, priority(level), count((_, k) => priorities[k] === level)));
  }
}

/** Show every pairing there is, whatever was filtered. */
export function showAll(form) {
  for (const box of form.querySelectorAll("fieldset [type=checkbox]")) box.checked = true;
  form.waits.checked = false;
  form.expertise.value = "";
}

/** Begin with the most urgent, where all would be a tangle; what is left out can be asked for. */
export function openWithFew(form, layer, wanted) {
  const boxes = [...form.querySelectorAll("[name=priority]")];
  for (const box of boxes.reverse().slice(0, -1)) {
    if (passing(form, layer, wanted).arcs.length <= FOLLOWED) return;
    box.checked = false;
    box.defaultChecked = false; // what clearing the filters leads back to
  }
}

/** How much of what there is can be seen, in words. */
export function countOf({ shown, arcs, all }, hasPairings) {
  const people = counted(shown.reduce((sum, one) => sum + one, 0), "school or organisation", "schools and organisations");
  if (!hasPairings) return people;
  const pairings = counted(all, "pairing", "pairings");
  return arcs.length === all ? `${people} and ${pairings}` : `${people} and ${number(arcs.length)} of ${pairings}`;
}

export function restyleFilters(form) {
  for (const label of form.querySelectorAll("fieldset label")) label.redraw?.();
}

/** Who and which pairings pass: `{base, shown, arcs, all, isFound}`; a partner from outside of the
 * `base` is shown with its pairing. `all` counts the pairings of the area and words without the
 * other filters; `isFound` tells that words were typed, which find everybody. */
export function passing(form, layer, wanted) {
  const on = (name) => new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => Number(box.value)));
  const [kinds, steps] = [on("kind"), on("step")];
  const off = (name) => new Set([...form.querySelectorAll(`[name=${name}]:not(:checked)`)].map((box) => box.value));
  const [offStates, offPriorities] = [off("state"), off("priority")];
  const area = form.area.value;
  const expertise = form.expertise.value ? layer.expertise.indexOf(form.expertise.value) : -1;
  const inArea = layer.areas.map((name, n) => !area || name === area || layer.regions[n] === area);
  const parts = words(wanted).trim().split(" ").filter(Boolean).map((part) => ` ${part}`);
  const base = new Uint8Array(layer.count);
  for (let i = 0; i < layer.count; i++) {
    base[i] = inArea[layer.area[i]] && parts.every((part) => layer.text[i].includes(part)) ? 1 : 0;
  }
  const shown = new Uint8Array(layer.count);
  const { giver, taker, ladder, priority: priorities, state, states } = layer.pairings;
  const arcs = [];
  let all = 0;
  for (let k = 0; k < giver.length; k++) {
    const [g, t] = [giver[k], taker[k]];
    const name = states[state[k]];
    if (ENDED.has(name) || !(base[g] || base[t])) continue;
    all++;
    if (!steps.has(ladder[k]) || offStates.has(name)) continue;
    if (form.waits.checked && APPROVED.has(name)) continue;
    if (priorities && offPriorities.has(String(priorities[k]))) continue;
    if (expertise >= 0 && layer.pairings.expertise[k] !== expertise) continue;
    if (!kinds.has(layer.symbol[g]) || !kinds.has(layer.symbol[t])) continue;
    shown[g] = shown[t] = 1;
    arcs.push(k);
  }
  const isFound = parts.length > 0;
  const withAll = isFound || !giver.length || form.everyone.checked;
  for (let i = 0; i < layer.count; i++) {
    if (!kinds.has(layer.symbol[i])) base[i] = 0;
    if (withAll && base[i] && (expertise < 0 || layer.offers[i].includes(expertise))) shown[i] = 1;
  }
  return { base, shown, arcs, all, isFound };
}
