// Every label of the map, by the word that the layer has for it; tests/app/maps/test_map_labels.py
// fails where one is missing or differs from the portal's.
export const KINDS = {
  primary: "Primary or nursery school",
  secondary: "Secondary school",
  specialist: "Specialist provision",
  alternative: "Alternative provision",
  other_school: "Other school or college",
  organisation: "Organisation",
};
export const LADDER = {
  own_group: "Own trust or federation",
  own_network: "Own network",
  local_area: "Same local authority",
  region: "Same region",
  designated: "Designated organisation",
  elsewhere: "Elsewhere",
};
export const STATES = {
  proposed: "Proposed",
  preferred: "Preferred",
  due_diligence: "Due diligence",
  agreed: "Agreed",
  approved: "Approved",
  approved_with_conditions: "Approved with conditions",
  deferred: "Deferred",
  declined: "Declined",
  withdrawn: "Withdrawn",
  lapsed: "Lapsed",
  replaced: "Replaced",
  completed: "Completed",
};
export const SIDES = {
  giver: "Supporting organisation",
  taker: "School receiving support",
};

/** How urgent a need is, in the portal's words. */
export const priority = (level) => `Priority ${level}${level === 1 ? " (highest)" : ""}`;

/** A number with thousands separators. */
export const number = (value) => value.toLocaleString("en-GB");
export const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

const DAY = 2;
/** Half-days as days; the one place of the map that makes days of them. */
export const inDays = (halfDays) => number(halfDays / DAY);
export const days = (halfDays) => `${inDays(halfDays)} ${halfDays === DAY ? "day" : "days"}`;
export const miles = (value) =>
  value === null ? "" : value < 0.05 ? "less than 0.1 miles" : counted(value, "mile", "miles");
