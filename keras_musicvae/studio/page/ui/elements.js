// Small helpers for the elements of the page.

export const byId = (id) => document.getElementById(id);

/** A new element with properties, attributes (`aria-...`, `data-...`) and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-")) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** Says something in the line at the top, for eyes and screen readers. */
export function say(text) {
  byId("status").textContent = text;
}

/** Saves bytes as a file. */
export function download(name, bytes, type) {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
