// The fields for what can be wished for: one for each condition of the model.

import { element } from "./elements.js";

const OPEN = "any";
const NAMES = { fill: "Ends with a fill" };
// The tempo has a field of its own, and a groove begins where phrases begin.
const HIDDEN = ["tempo", "phrase"];

export class ConditionFields extends EventTarget {
  /**
   * Sends `change` (detail: values by name, without the open ones).
   * @param {HTMLElement} root
   * @param {{name: string, kind: string, text: string, vocabulary}[]} conditions
   */
  constructor(root, conditions) {
    super();
    this.shown = {};
    this.fields = new Map();
    for (const condition of conditions) {
      if (HIDDEN.includes(condition.name)) continue;
      const field = MAKERS[condition.kind]?.(condition);
      if (!field) continue;
      field.root.title = condition.text;
      field.onchange = (value) => this.#change(condition.name, value);
      this.fields.set(condition.name, field);
      root.append(field.root);
    }
  }

  /** Shows values by name. */
  show(wishes) {
    this.shown = wishes;
    for (const [name, field] of this.fields) field.show(wishes[name] ?? null);
  }

  #change(name, value) {
    const wishes = { ...this.shown, [name]: value };
    if (value === null) delete wishes[name];
    this.dispatchEvent(new CustomEvent("change", { detail: wishes }));
  }
}

const label = ({ name }) => NAMES[name] ?? name[0].toUpperCase() + name.slice(1);

const MAKERS = {
  choice(condition) {
    const options = [OPEN, ...condition.vocabulary];
    const select = element("select", {}, ...options.map((name) => element("option", { textContent: name })));
    const field = { root: element("label", { textContent: label(condition) }, " ", select) };
    field.root.append(select);
    select.addEventListener("change", () => field.onchange(select.value === OPEN ? null : select.value));
    field.show = (value) => (select.value = value ?? OPEN);
    return field;
  },

  flag(condition) {
    const box = element("input", { type: "checkbox" });
    const field = { root: element("label", { className: "check" }, box, label(condition)) };
    box.addEventListener("change", () => field.onchange(box.checked || null));
    field.show = (value) => (box.checked = value === true);
    return field;
  },

  // The left end leaves it open.
  ranked(condition) {
    const range = element("input", { type: "range", min: -0.05, max: 1, step: 0.05 });
    const text = element("span");
    const field = { root: element("label", {}, `${label(condition)}: `, text, range) };
    const read = () => (range.valueAsNumber < 0 ? null : range.valueAsNumber);
    range.addEventListener("change", () => field.onchange(read()));
    range.addEventListener("input", () => describe(read()));
    const describe = (value) => {
      text.textContent = value === null ? OPEN : `${Math.round(100 * value)} %`;
      range.setAttribute("aria-valuetext", text.textContent);
    };
    field.show = (value) => {
      range.value = value ?? -0.05;
      describe(value);
    };
    return field;
  },
};
