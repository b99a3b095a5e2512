// Reads a layer in columns (givetake-map/1) into arrays that are quick to draw and to filter.
const STEPS_PER_DEGREE = 100000;

/** Sum up columns that hold differences; null stays null. */
function summed(steps) {
  let last = 0;
  return steps.map((step) => (step === null ? null : (last += step)));
}

/** Web Mercator, the whole world from 0 to 1. */
export const mercatorX = (longitude) => longitude / 360 + 0.5;
export function mercatorY(latitude) {
  const sin = Math.sin((latitude * Math.PI) / 180);
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
}

/** Words as they are found by their beginnings: small letters, without what stands between them. */
export function words(text) {
  return ` ${text.toLowerCase().replace(/['’]/g, "").replace(/[^\p{L}\p{N}]+/gu, " ").trim()}`;
}

export function read(raw) {
  if (raw.format !== "givetake-map/1") throw new Error(`the format of the layer is not known: ${raw.format}`);
  const p = raw.participants;
  const count = p.id.length;
  const [east, north] = [summed(p.x), summed(p.y)];
  const longitude = new Float64Array(count).fill(NaN);
  const latitude = new Float64Array(count).fill(NaN);
  const [x, y] = [new Float64Array(count).fill(NaN), new Float64Array(count).fill(NaN)];
  for (let i = 0; i < count; i++) {
    if (east[i] === null) continue;
    longitude[i] = east[i] / STEPS_PER_DEGREE;
    latitude[i] = north[i] / STEPS_PER_DEGREE;
    x[i] = mercatorX(longitude[i]);
    y[i] = mercatorY(latitude[i]);
  }
  const giver = summed(raw.pairings.at);
  const pairings = { ...raw.pairings, giver, taker: raw.pairings.taker.map((step, k) => step + giver[k]) };
  const offers = Array.from({ length: count }, () => []);
  summed(raw.offers.at).forEach((at, k) => offers[at].push(raw.offers.expertise[k]));
  const given = Array.from({ length: count }, () => []);
  const taken = Array.from({ length: count }, () => []);
  giver.forEach((at, k) => given[at].push(k));
  pairings.taker.forEach((at, k) => taken[at].push(k));
  const text = p.name.map((name, i) => {
    const postcode = p.postcode[i];
    return words(`${name} ${raw.areas[p.area[i]] ?? ""} ${postcode} ${postcode.replace(" ", "")} ${p.id[i]}`);
  });
  return { ...raw, count, ...p, longitude, latitude, x, y, pairings, offers, given, taken, text, hasOffers: raw.offers.at.length > 0 };
}
